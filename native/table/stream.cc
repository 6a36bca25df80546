// Twin: lib/table/stream.ts
#include "table/stream.h"

#include "format/names.h"

namespace cairn {

namespace {

bool isDamage(const Status& status) {
  return !status.ok() && status.detail().code == Code::CORRUPTION;
}

}  // namespace

std::string damageMessage(const Status& status) {
  const Status::Detail& detail = status.detail();
  if (status.kind() != Status::Kind::CORRUPTION) return detail.text;
  return detail.file + " is damaged at byte " + std::to_string(detail.offset) + ": " + detail.text;
}

size_t chunkEnd(const TableIndex& index, size_t from) {
  const uint64_t start = index.offset(from);
  size_t to = from + 1;
  while (to < index.count() && index.end(to) - start <= STREAM_CHUNK_BYTES) to++;
  return to;
}

TableStream::TableStream(const TableFiles& files, const TableHandle& handle, DamageSink* sink)
    : directory_(files.directory()), meta_(handle.meta), sink_(sink), open_(handle.open) {
  if (!open_) closed_ = files.require(handle);
}

Move TableStream::first() {
  const Move ready = acquire();
  if (ready != Move::DONE) return ready;
  return unreadable_ ? end() : toFirst(0, false);
}

Move TableStream::seek(Slice target, uint64_t at) {
  const Move ready = acquire();
  if (ready != Move::DONE) return ready;
  if (unreadable_) return end();
  const TableIndex& index = open_->parts().index;
  const size_t ordinal = index.seek(target, at);
  if (ordinal == index.count()) return end();
  BlockView block;
  const Verdict verdict = require(ordinal, block);
  if (verdict == Verdict::FAILED) return Move::FAILED;
  if (verdict == Verdict::SOUND && walk_.enterAt(block, target, at)) {
    ordinal_ = ordinal;
    return Move::DONE;
  }
  return toFirst(ordinal + 1, false);
}

Move TableStream::next() {
  if (!walk_.atLast() && !isDamaged(ordinal_)) {
    if (walk_.rises(nullptr)) {
      walk_.stepNext();
      return Move::DONE;
    }
    if (tell(ordinal_, fallen(ordinal_)) == Verdict::FAILED) return Move::FAILED;
  }
  return toFirst(ordinal_ + 1, true);
}

Move TableStream::acquire() {
  // What stands in the chunk is not looked back to.
  valid = false;
  if (open_ || unreadable_) return Move::DONE;
  Status status = closed_;
  if (status.ok()) status = OpenTable::open(*directory_, meta_, open_);
  if (status.ok()) return Move::DONE;
  if (sink_ == nullptr || !isDamage(status)) return failed(std::move(status));
  unreadable_ = true;
  const Status::Detail& detail = status.detail();
  const int64_t offset = detail.offset == Status::NO_OFFSET ? 0 : detail.offset;
  sink_->damage({detail.file.empty() ? tableName(meta_.number) : detail.file,
                 static_cast<uint64_t>(offset), meta_.sizeBytes, damageMessage(status)});
  return Move::DONE;
}

/** To the first entry of the first sound block from `from` on; `rising`: past this entry. */
Move TableStream::toFirst(size_t from, bool rising) {
  if (rising) walk_.keepKey();
  const size_t count = open_->parts().index.count();
  for (size_t ordinal = from; ordinal < count; ordinal++) {
    if (isDamaged(ordinal)) continue;
    BlockView block;
    const Verdict verdict = require(ordinal, block);
    if (verdict == Verdict::FAILED) return Move::FAILED;
    if (verdict == Verdict::DAMAGED) continue;
    if (rising && !walk_.rises(&block)) {
      if (tell(ordinal, fallen(ordinal)) == Verdict::FAILED) return Move::FAILED;
      continue;
    }
    walk_.enterFirst(block);
    ordinal_ = ordinal;
    return Move::DONE;
  }
  return end();
}

/** The block, verified, with the walk made ready for it. */
TableStream::Verdict TableStream::require(size_t ordinal, BlockView& block) {
  Status status;
  if (ordinal < chunkFrom_ || ordinal >= chunkTo_) status = readChunk(ordinal);
  if (status.ok()) {
    status = parse(ordinal, block);
    if (!status.ok()) return tell(ordinal, std::move(status));
    status = walk_.prepare(block);
  }
  if (status.ok()) return Verdict::SOUND;
  failure = std::move(status);
  return Verdict::FAILED;
}

/** Reports a damaged block and leaves it out from now on; fails when nobody wants to hear. */
TableStream::Verdict TableStream::tell(size_t ordinal, Status status) {
  if (sink_ == nullptr || !isDamage(status)) {
    failure = std::move(status);
    return Verdict::FAILED;
  }
  damaged_.insert(ordinal);
  const TableIndex& index = open_->parts().index;
  sink_->damage({open_->file().name(), index.offset(ordinal), index.rawBytes(ordinal),
                 damageMessage(status)});
  return Verdict::DAMAGED;
}

Status TableStream::parse(size_t ordinal, BlockView& block) {
  const TableIndex& index = open_->parts().index;
  const std::string& name = open_->file().name();
  const uint64_t offset = index.offset(ordinal);
  const Slice raw =
      chunk_.slice().part(static_cast<size_t>(offset - index.offset(chunkFrom_)),
                          static_cast<size_t>(index.rawBytes(ordinal)));
  Slice contents;
  CAIRN_TRY(blockContents(raw, name, offset, decoded_, contents));
  return parseDataBlock(contents, name, offset, block);
}

Status TableStream::readChunk(size_t from) {
  const TableIndex& index = open_->parts().index;
  const size_t to = chunkEnd(index, from);
  const uint64_t offset = index.offset(from);
  const uint64_t size = index.end(to - 1) - offset;
  chunkFrom_ = chunkTo_ = 0;
  if (sink_ == nullptr) {
    CAIRN_TRY(readAll(open_->file(), offset, size, chunk_));
  } else {
    const auto wanted = static_cast<size_t>(size);
    if (!chunk_.reserve(wanted + BLOCK_SLACK_BYTES)) return Status::memory(size);
    chunk_.setSize(wanted);
    size_t got = 0;
    CAIRN_TRY(open_->file().read(chunk_.data(), wanted, offset, got));
    // Past the end there is nothing: zeros never pass for a block.
    if (got < wanted) std::memset(chunk_.data() + got, 0, wanted - got);
  }
  bytesRead_ += size;
  chunkFrom_ = from;
  chunkTo_ = to;
  return {};
}

Status TableStream::fallen(size_t ordinal) const {
  return Status::corruption(open_->file().name(), open_->parts().index.offset(ordinal),
                            "keys out of order");
}

}  // namespace cairn
