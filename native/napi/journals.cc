// Journals: the writer on the JavaScript thread, the reader on workers.
#include "format/coding.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "napi/async.h"
#include "napi/functions.h"

namespace cairn {

namespace {

/** About so many bytes of records cross at once. */
constexpr size_t PAGE_BYTES = 256 * 1024;
/** JavaScript sees how a page ends: see NativeRecords. */
constexpr double NO_VERDICT = -1;

class OpenWriter : public Counted<OpenWriter> {
 public:
  Ref<JournalWriter> writer;
  Loop* loop = nullptr;

 private:
  friend class Counted<OpenWriter>;
  ~OpenWriter() = default;
};

/** The reader serves one call at a time. */
class OpenReader : public Counted<OpenReader> {
 public:
  Ref<JournalReader> reader;
  Loop* loop = nullptr;
  bool busy = false;

 private:
  friend class Counted<OpenReader>;
  ~OpenReader() = default;
};

class PromiseDone final : public JournalDone {
 public:
  explicit PromiseDone(Environment& environment) : promise(environment) {}
  void journalDone(Status status) override { promise.settle(status); }

  Promise promise;
};

/** journalCreate(plane, name): handle */
napi_value journalCreate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  std::string name;
  if (!call.object(0, plane) || !call.text(1, name)) return nullptr;
  auto journal = makeRef<OpenWriter>();
  journal->loop = plane->loop;
  const Status status =
      JournalWriter::create(*plane->directory, name, &plane->loop->queue(), journal->writer);
  return status.ok() ? call.handle(journal) : call.fail(status);
}

/** The record, and the mark unless it is undefined. */
bool recordAndMark(Call& call, Slice& record, Slice& mark, const Slice*& given) {
  if (!call.bytes(1, record)) return false;
  if (call.isUndefined(2)) return true;
  given = &mark;
  return call.bytes(2, mark);
}

/** journalAppend(journal, record, mark?): position */
napi_value journalAppend(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  Slice record;
  Slice mark;
  const Slice* given = nullptr;
  if (!call.object(0, journal) || !recordAndMark(call, record, mark, given)) return nullptr;
  const Status status = journal->writer->append(record, given);
  if (!status.ok()) return call.fail(status);
  return call.result(static_cast<double>(journal->writer->position()));
}

napi_value handed(OpenWriter& journal, napi_value promise) {
  journal.loop->queue().submit();
  journal.loop->update();
  return promise;
}

/** journalAppendLarge(journal, record, mark?): Promise<void> */
napi_value journalAppendLarge(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  Slice record;
  Slice mark;
  const Slice* given = nullptr;
  if (!call.object(0, journal) || !recordAndMark(call, record, mark, given)) return nullptr;
  auto done = std::make_unique<PromiseDone>(call.environment());
  const napi_value promise = done->promise.value();
  journal->writer->appendLarge(record, given, std::move(done));
  return handed(*journal, promise);
}

/** A checksum. */
bool seedAt(Call& call, size_t index, uint32_t& seed) {
  uint64_t number = 0;
  if (!call.count(index, number)) return false;
  seed = static_cast<uint32_t>(number);
  if (seed == number) return true;
  call.fail(Status::range("not a checksum"));
  return false;
}

/** journalReseed(journal, seed): void */
napi_value journalReseed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  uint32_t seed = 0;
  if (!call.object(0, journal) || !seedAt(call, 1, seed)) return nullptr;
  const Status status = journal->writer->reseed(seed);
  return status.ok() ? nullptr : call.fail(status);
}

/** journalPosition(journal): number */
napi_value journalPosition(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  if (!call.object(0, journal)) return nullptr;
  return call.result(static_cast<double>(journal->writer->position()));
}

/** journalPad(journal, end): Promise<void> */
napi_value journalPad(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  uint64_t end = 0;
  if (!call.object(0, journal) || !call.count(1, end)) return nullptr;
  auto done = std::make_unique<PromiseDone>(call.environment());
  const napi_value promise = done->promise.value();
  journal->writer->pad(end, std::move(done));
  return handed(*journal, promise);
}

/** journalSync(journal), journalClose(journal): Promise<void> */
template <void (JournalWriter::*CALL)(std::unique_ptr<JournalDone>)>
napi_value journalCall(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenWriter* journal = nullptr;
  if (!call.object(0, journal)) return nullptr;
  auto done = std::make_unique<PromiseDone>(call.environment());
  const napi_value promise = done->promise.value();
  (journal->writer.get()->*CALL)(std::move(done));
  return handed(*journal, promise);
}

class OpenTask final : public PromiseTask {
 public:
  OpenTask(Environment& environment, const Plane& plane, std::string name, uint64_t limit,
           uint64_t end)
      : PromiseTask(environment), directory_(plane.directory), name_(std::move(name)),
        limit_(limit), end_(end) {
    opened_->loop = plane.loop;
  }
  void work() override {
    status = JournalReader::open(*directory_, name_, limit_, end_, opened_->reader);
  }

 protected:
  napi_value result(napi_env env) override {
    const double handle = promise.environment().handles.add(opened_);
    if (handle == 0) status = Status::store(Code::LIMIT, "too many open handles");
    return numberOut(env, handle);
  }

 private:
  const Ref<Directory> directory_;
  const std::string name_;
  const uint64_t limit_;
  const uint64_t end_;
  const Ref<OpenReader> opened_ = makeRef<OpenReader>();
};

/** readerOpen(plane, name, maxRecordBytes, end): Promise<handle> */
napi_value readerOpen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  std::string name;
  uint64_t limit = 0;
  uint64_t end = 0;
  if (!call.object(0, plane) || !call.text(1, name) || !call.count(2, limit)) return nullptr;
  if (!call.count(3, end)) return nullptr;
  return run(*plane->loop, Worker::READ,
             std::make_unique<OpenTask>(call.environment(), *plane, std::move(name), limit, end));
}

/** readerSize(reader): bytes of the file when it was opened */
napi_value readerSize(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenReader* reader = nullptr;
  if (!call.object(0, reader)) return nullptr;
  return call.result(static_cast<double>(reader->reader->sizeBytes()));
}

/** A call of the reader; the next one may come when it has finished. */
class ReaderTask : public PromiseTask {
 public:
  ReaderTask(Environment& environment, OpenReader* reader)
      : PromiseTask(environment), reader_(reader) {
    reader_->busy = true;
  }
  void finish() override {
    reader_->busy = false;
    PromiseTask::finish();
  }

 protected:
  JournalReader& reader() { return *reader_->reader; }

 private:
  const Ref<OpenReader> reader_;
};

class NextTask final : public ReaderTask {
 public:
  using ReaderTask::ReaderTask;
  void work() override { status = reader().next(records_, PAGE_BYTES); }

 protected:
  napi_value result(napi_env env) override {
    size_t total = 0;
    for (const JournalRecord& record : records_) total += record.bytes.size();
    void* data = nullptr;
    void* numbers = nullptr;
    napi_value memory = nullptr;
    napi_value page = nullptr;
    napi_value bytes = nullptr;
    napi_value places = nullptr;
    const size_t count = records_.size() * 3;
    napi_create_object(env, &page);
    if (napi_create_arraybuffer(env, total, &data, &memory) != napi_ok) {
      status = Status::memory(total);
      return page;
    }
    napi_create_typedarray(env, napi_uint8_array, total, memory, 0, &bytes);
    if (napi_create_arraybuffer(env, count * sizeof(double), &numbers, &memory) != napi_ok) {
      status = Status::memory(count * sizeof(double));
      return page;
    }
    napi_create_typedarray(env, napi_float64_array, count, memory, 0, &places);
    auto* end = static_cast<uint8_t*>(data);
    auto* place = static_cast<double*>(numbers);
    for (const JournalRecord& record : records_) {
      copyBytes(end, record.bytes.data(), record.bytes.size());
      end += record.bytes.size();
      *place++ = static_cast<double>(record.offset);
      *place++ = static_cast<double>(record.end);
      *place++ = static_cast<double>(record.bytes.size());
    }
    setValue(env, page, "bytes", bytes);
    setValue(env, page, "places", places);
    const JournalVerdict& verdict = reader().verdict();
    const bool judged = verdict.kind != JournalVerdict::Kind::NONE;
    setNumber(env, page, "endAt", judged ? static_cast<double>(verdict.offset) : NO_VERDICT);
    setValue(env, page, "reason", textOut(env, verdict.reason));
    return page;
  }

 private:
  std::vector<JournalRecord> records_;
};

class FindMarkTask final : public ReaderTask {
 public:
  FindMarkTask(Environment& environment, OpenReader* reader, uint64_t from, int64_t above)
      : ReaderTask(environment, reader), from_(from), above_(above) {}
  void work() override { status = reader().findMark(from_, above_, found_, offset_, sequence_); }

 protected:
  napi_value result(napi_env env) override {
    if (!found_) return PromiseTask::result(env);
    void* data = nullptr;
    napi_value memory = nullptr;
    napi_value pair = nullptr;
    // Refused also while a thread is being terminated.
    if (napi_create_arraybuffer(env, 2 * sizeof(double), &data, &memory) != napi_ok) {
      status = Status::memory(2 * sizeof(double));
      return nullptr;
    }
    napi_create_typedarray(env, napi_float64_array, 2, memory, 0, &pair);
    static_cast<double*>(data)[0] = static_cast<double>(offset_);
    static_cast<double*>(data)[1] = static_cast<double>(sequence_);
    return pair;
  }

 private:
  const uint64_t from_;
  const int64_t above_;
  bool found_ = false;
  uint64_t offset_ = 0;
  uint64_t sequence_ = 0;
};

class FindRecordTask final : public ReaderTask {
 public:
  FindRecordTask(Environment& environment, OpenReader* reader, uint64_t from, uint64_t minBytes)
      : ReaderTask(environment, reader), from_(from), minBytes_(minBytes) {}
  void work() override { status = reader().findRecord(from_, minBytes_, found_, offset_); }

 protected:
  napi_value result(napi_env env) override {
    return found_ ? numberOut(env, static_cast<double>(offset_)) : PromiseTask::result(env);
  }

 private:
  const uint64_t from_;
  const uint64_t minBytes_;
  bool found_ = false;
  uint64_t offset_ = 0;
};

/** Hands a task to the workers, unless the reader is busy. */
template <class Task, class... Args>
napi_value read(Call& call, OpenReader* reader, Args... args) {
  if (reader->busy) return call.fail(Status::type("a reader serves one call at a time"));
  return run(*reader->loop, Worker::READ,
             std::make_unique<Task>(call.environment(), reader, args...));
}

/** readerNext(reader): Promise<NativeRecords> */
napi_value readerNext(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenReader* reader = nullptr;
  return call.object(0, reader) ? read<NextTask>(call, reader) : nullptr;
}

/** readerFindMark(reader, from, above): Promise<[offset, sequence] | undefined>; -1 is below all */
napi_value readerFindMark(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenReader* reader = nullptr;
  uint64_t from = 0;
  double above = 0;
  if (!call.object(0, reader) || !call.count(1, from) || !call.number(2, above)) return nullptr;
  if (!(above >= -1 && above <= static_cast<double>(NUMBER_MAX)))
    return call.fail(Status::range("not a sequence"));
  return read<FindMarkTask>(call, reader, from, static_cast<int64_t>(above));
}

/** readerFindRecord(reader, from, minBytes): Promise<offset | undefined> */
napi_value readerFindRecord(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenReader* reader = nullptr;
  uint64_t from = 0;
  uint64_t minBytes = 0;
  if (!call.object(0, reader) || !call.count(1, from) || !call.count(2, minBytes)) return nullptr;
  return read<FindRecordTask>(call, reader, from, minBytes);
}

/** readerResume(reader, offset, seed?): void */
napi_value readerResume(napi_env env, napi_callback_info info) {
  Call call(env, info);
  OpenReader* reader = nullptr;
  uint64_t offset = 0;
  uint32_t seed = 0;
  const bool given = !call.isUndefined(2);
  if (!call.object(0, reader) || !call.count(1, offset)) return nullptr;
  if (given && !seedAt(call, 2, seed)) return nullptr;
  if (reader->busy) return call.fail(Status::type("a reader serves one call at a time"));
  reader->reader->resume(offset);
  if (given) reader->reader->reseed(seed);
  return nullptr;
}

}  // namespace

const Function JOURNAL_FUNCTIONS[] = {
    {"journalCreate", journalCreate},
    {"journalAppend", journalAppend},
    {"journalAppendLarge", journalAppendLarge},
    {"journalReseed", journalReseed},
    {"journalPosition", journalPosition},
    {"journalPad", journalPad},
    {"journalSync", journalCall<&JournalWriter::sync>},
    {"journalClose", journalCall<&JournalWriter::close>},
    {"journalFree", freeHandle<OpenWriter>},
    {"readerOpen", readerOpen},
    {"readerSize", readerSize},
    {"readerNext", readerNext},
    {"readerFindMark", readerFindMark},
    {"readerFindRecord", readerFindRecord},
    {"readerResume", readerResume},
    {"readerFree", freeHandle<OpenReader>},
    {nullptr, nullptr},
};

}  // namespace cairn
