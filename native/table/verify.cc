// Twin: lib/table/verify.ts
#include "table/verify.h"

#include <algorithm>

#include "format/block.h"
#include "format/key.h"
#include "format/names.h"

namespace cairn {

namespace {

/** Takes the first reason alone. */
void wrongBy(const char*& wrong, const char* reason) {
  if (wrong == nullptr) wrong = reason;
}

/** A count as JavaScript prints it: above 2^53 a double, in the fewest digits that tell it. */
std::string numberText(uint64_t value) {
  const auto rounded = static_cast<uint64_t>(static_cast<double>(value));
  const uint64_t shorter = (rounded + 5) / 10 * 10;
  const bool enough = static_cast<uint64_t>(static_cast<double>(shorter)) == rounded;
  return std::to_string(enough ? shorter : rounded);
}

bool sameNumber(uint64_t a, uint64_t b) {
  return static_cast<double>(a) == static_cast<double>(b);
}

/** Where a block ends that may lie anywhere: rounded as the twin's sum of doubles. */
uint64_t endOf(const BlockHandle& handle) {
  const double end = static_cast<double>(handle.offset) + static_cast<double>(handle.sizeBytes);
  return static_cast<uint64_t>(end + static_cast<double>(BLOCK_TRAILER_BYTES));
}

/** Whether it says damage, and not that nothing could be read. */
bool tellsDamage(const Status& status) {
  const Code code = status.detail().code;
  return code == Code::CORRUPTION || code == Code::FORMAT_VERSION;
}

/** One check of one table whose index could be read. */
class Check {
 public:
  Check(const File& file, const TableParts& parts, const TableMeta& meta,
        std::vector<TableDamage>& damage)
      : file_(file), parts_(parts), meta_(meta), damage_(damage) {}

  Status run();
  uint64_t entries() const { return counted_.entries; }

 private:
  void report(uint64_t offset, uint64_t bytes, std::string reason) {
    damage_.push_back({file_.name(), offset, bytes, std::move(reason)});
  }
  Status checkChunk(size_t from, size_t to);
  Status checkData(size_t ordinal, Slice raw);
  const char* checkEntries(size_t ordinal, const BlockView& block);
  void count();
  /** Order of the walk's key against separator `ordinal`. */
  int order(size_t ordinal) const {
    return compareInternalKeys(walk_.internalKey(), parts_.index.separator(ordinal));
  }
  Status checkOther(BlockHandle handle);
  void checkLayout(std::vector<BlockHandle> others);
  Status checkFooter();
  void checkSums();
  void checkSum(const char* name, uint64_t counted, uint64_t said);
  void checkBound(const char* what, Slice found, Slice named);

  const File& file_;
  const TableParts& parts_;
  const TableMeta& meta_;
  std::vector<TableDamage>& damage_;
  TableProperties counted_;
  Entry entry_;
  BlockWalk walk_{entry_};
  Buffer bytes_;
  Buffer decoded_;
  std::string smallest_;
  /** Whether the walk stands on the last entry of the block before. */
  bool follows_ = false;
};

Status Check::run() {
  counted_.smallestSequence = UINT64_MAX;
  for (size_t from = 0; from < parts_.index.count();) {
    const size_t to = chunkEnd(parts_.index, from);
    CAIRN_TRY(checkChunk(from, to));
    from = to;
  }
  if (entry_.valid) walk_.keepKey();
  std::vector<BlockHandle> others;
  for (const auto& [name, handle] : parts_.named) others.push_back(handle);
  others.push_back(parts_.footer.metaindex);
  others.push_back(parts_.footer.index);
  for (const BlockHandle& handle : others) CAIRN_TRY(checkOther(handle));
  checkLayout(std::move(others));
  CAIRN_TRY(checkFooter());
  // What was found says nothing about the sums when some of it could not be read.
  if (damage_.empty()) checkSums();
  return {};
}

Status Check::checkChunk(size_t from, size_t to) {
  const TableIndex& index = parts_.index;
  const uint64_t start = index.offset(from);
  // The key of the entry before lies in what is read over now.
  if (entry_.valid) walk_.keepKey();
  CAIRN_TRY(readAll(file_, start, index.end(to - 1) - start, bytes_));
  for (size_t ordinal = from; ordinal < to; ordinal++)
    CAIRN_TRY(checkData(ordinal,
                        bytes_.slice().part(static_cast<size_t>(index.offset(ordinal) - start),
                                            static_cast<size_t>(index.rawBytes(ordinal)))));
  return {};
}

Status Check::checkData(size_t ordinal, Slice raw) {
  const uint64_t offset = parts_.index.offset(ordinal);
  Slice contents;
  BlockView block;
  if (entry_.valid) walk_.keepKey();
  Status status = blockContents(raw, file_.name(), offset, decoded_, contents);
  if (status.ok()) status = parseDataBlock(contents, file_.name(), offset, block);
  if (!status.ok()) {
    if (!tellsDamage(status)) return status;
    follows_ = false;
    report(offset, raw.size, damageMessage(status));
    return {};
  }
  CAIRN_TRY(walk_.prepare(block));
  const char* wrong = checkEntries(ordinal, block);
  if (wrong != nullptr) report(offset, raw.size, wrong);
  return {};
}

/** Walks a block and counts; gives the first thing wrong with it. */
const char* Check::checkEntries(size_t ordinal, const BlockView& block) {
  const uint64_t offset = parts_.index.offset(ordinal);
  const char* wrong = nullptr;
  if (follows_ && !walk_.rises(&block)) wrong = "keys out of order";
  walk_.enterFirst(block);
  follows_ = true;
  if (ordinal == 0) {
    const Slice key = walk_.internalKey();
    smallest_.assign(reinterpret_cast<const char*>(key.data), key.size);
  }
  if (ordinal > 0 && order(ordinal - 1) <= 0) wrongBy(wrong, "first key before its separator");
  for (;;) {
    if (trailerType(entry_.trailer) > KEY_TYPE_VALUE) wrongBy(wrong, "unknown type of entry");
    if (parts_.hasFilter && !parts_.filter.mayContain(offset, entry_.key))
      wrongBy(wrong, "filter denies a key");
    count();
    if (walk_.atLast()) break;
    if (!walk_.rises(nullptr)) wrongBy(wrong, "keys out of order");
    walk_.stepNext();
  }
  if (order(ordinal) > 0) wrongBy(wrong, "last key behind its separator");
  return wrong;
}

void Check::count() {
  const uint64_t sequence = trailerSequence(entry_.trailer);
  counted_.entries++;
  if (trailerType(entry_.trailer) == KEY_TYPE_DELETION) counted_.deletions++;
  counted_.keyBytes += entry_.key.size;
  counted_.valueBytes += entry_.value.size;
  counted_.smallestSequence = std::min(counted_.smallestSequence, sequence);
  counted_.largestSequence = std::max(counted_.largestSequence, sequence);
}

Status Check::checkOther(BlockHandle handle) {
  const uint64_t size = handle.sizeBytes + BLOCK_TRAILER_BYTES;
  if (handle.offset + size > meta_.sizeBytes - TABLE_FOOTER_BYTES) {
    report(handle.offset, handle.sizeBytes, "block runs past the end");
    return {};
  }
  Slice contents;
  Status status = readAll(file_, handle.offset, size, bytes_);
  if (status.ok())
    status = blockContents(bytes_.slice(), file_.name(), handle.offset, decoded_, contents);
  if (status.ok()) return {};
  if (!tellsDamage(status)) return status;
  report(handle.offset, size, damageMessage(status));
  return {};
}

/** All blocks lie back to back, from the start of the file to its footer. */
void Check::checkLayout(std::vector<BlockHandle> others) {
  const TableIndex& index = parts_.index;
  uint64_t end = 0;
  const auto follow = [&](uint64_t offset, uint64_t next) {
    if (offset > end) report(end, offset - end, "bytes that belong to no block");
    else if (offset < end) report(offset, end - offset, "blocks overlap");
    end = next;
  };
  for (size_t i = 0; i < index.count(); i++) follow(index.offset(i), index.end(i));
  std::stable_sort(others.begin(), others.end(), [](const BlockHandle& a, const BlockHandle& b) {
    return a.offset < b.offset;
  });
  for (const BlockHandle& handle : others)
    follow(handle.offset, endOf(handle));
  follow(meta_.sizeBytes - TABLE_FOOTER_BYTES, meta_.sizeBytes);
}

/** What the handles leave free in the footer is zero. */
Status Check::checkFooter() {
  const uint64_t start = meta_.sizeBytes - TABLE_FOOTER_BYTES;
  CAIRN_TRY(readAll(file_, start, TABLE_HANDLES_BYTES, bytes_));
  uint8_t wanted[TABLE_HANDLES_BYTES] = {};
  const uint8_t* used =
      putHandle(putHandle(wanted, parts_.footer.metaindex), parts_.footer.index);
  if (std::memcmp(wanted, bytes_.data(), TABLE_HANDLES_BYTES) != 0)
    report(start, TABLE_HANDLES_BYTES,
           "footer padding not zero behind byte " + std::to_string(used - wanted));
  return {};
}

void Check::checkSums() {
  const TableProperties& said = parts_.properties;
  if (parts_.hasProperties && counted_.entries > 0) {
    checkSum("entries", counted_.entries, said.entries);
    checkSum("deletions", counted_.deletions, said.deletions);
    checkSum("keyBytes", counted_.keyBytes, said.keyBytes);
    checkSum("valueBytes", counted_.valueBytes, said.valueBytes);
    checkSum("smallestSequence", counted_.smallestSequence, said.smallestSequence);
    checkSum("largestSequence", counted_.largestSequence, said.largestSequence);
  }
  // A table without entries ends where the twin's walk begins: before a key of zeros.
  const uint8_t zeros[KEY_TRAILER_BYTES] = {};
  checkBound("smallest", {smallest_.data(), smallest_.size()}, meta_.smallestKey());
  checkBound("largest", entry_.valid ? walk_.internalKey() : Slice(zeros, sizeof zeros),
             meta_.largestKey());
}

void Check::checkSum(const char* name, uint64_t counted, uint64_t said) {
  if (!sameNumber(counted, said))
    report(0, meta_.sizeBytes,
           std::string("properties say ") + name + " " + numberText(said) + ", not " +
               numberText(counted));
}

void Check::checkBound(const char* what, Slice found, Slice named) {
  // Repair looks at tables whose range nobody has told it.
  if (named.size < KEY_TRAILER_BYTES || equalBytes(found, named)) return;
  report(0, meta_.sizeBytes,
         std::string(what) + " key is not the one that the version names");
}

}  // namespace

Status verifyTable(const Directory& directory, const TableMeta& meta, TableVerdict& verdict) {
  verdict = TableVerdict();
  Ref<const OpenTable> open;
  Status status = OpenTable::open(directory, meta, open);
  if (status.ok()) {
    Check check(open->file(), open->parts(), meta, verdict.damage);
    status = check.run();
    if (status.ok()) {
      verdict.entries = check.entries();
      return {};
    }
  }
  if (!tellsDamage(status)) return status;
  const Status::Detail& detail = status.detail();
  const uint64_t offset =
      detail.offset == Status::NO_OFFSET ? 0 : static_cast<uint64_t>(detail.offset);
  verdict.damage.push_back({tableName(meta.number), offset,
                            meta.sizeBytes > offset ? meta.sizeBytes - offset : 0,
                            damageMessage(status)});
  return {};
}

}  // namespace cairn
