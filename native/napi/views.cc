// Views: look-ups and cursors.
#include <optional>

#include "memtable/memtable.h"
#include "napi/async.h"
#include "napi/functions.h"
#include "napi/runs.h"
#include "view/find.h"
#include "view/scan.h"
#include "view/view.h"

namespace cairn {

namespace {

/** As in lib/planes/addon.ts. */
constexpr uint64_t HOW_WAIT = 1;
constexpr uint64_t HOW_FILL_CACHE = 2;
constexpr uint64_t SCAN_REVERSE = 1;
constexpr uint64_t SCAN_KEYS = 2;
constexpr uint64_t SCAN_VALUES = 4;
constexpr uint64_t SCAN_FILL_CACHE = 8;
constexpr uint64_t SCAN_LOWER_OPEN = 16;
constexpr uint64_t SCAN_UPPER_OPEN = 32;
/** As in lib/plane.ts. */
constexpr double ABSENT = -1;
constexpr double COLD = -2;

/** viewCreate(runs): handle */
napi_value viewCreate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  std::vector<Run> runs;
  if (!readRuns(call, call.value(0), runs)) return nullptr;
  Ref<View> view;
  const Status status = View::make(std::move(runs), view);
  return status.ok() ? call.handle(view) : call.fail(status);
}

double sequenceOf(Found found, const TableHit& hit) {
  return found == Found::FOUND ? static_cast<double>(trailerSequence(hit.trailer)) : 0;
}

bool isValue(Found found, const TableHit& hit) {
  return found == Found::FOUND && trailerType(hit.trailer) == KEY_TYPE_VALUE;
}

/** find(view, key, at, into, offset, how): length, ABSENT or COLD */
napi_value findNow(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View* view = nullptr;
  Slice key;
  uint64_t at = 0;
  uint8_t* into = nullptr;
  size_t size = 0;
  uint64_t offset = 0;
  uint64_t how = 0;
  if (!call.object(0, view) || !call.key(1, key) || !call.count(2, at) ||
      !call.room(3, into, size) || !call.count(4, offset) || !call.count(5, how))
    return nullptr;
  TableHit hit;
  Status failure;
  const Found found = find(*view, key, at, hit, (how & HOW_WAIT) != 0,
                           (how & HOW_FILL_CACHE) != 0, failure);
  if (found == Found::FAILED) return call.fail(failure);
  if (found == Found::COLD) return call.result(COLD);
  (*call.environment().words)[Environment::WORD_FOUND] = sequenceOf(found, hit);
  if (!isValue(found, hit)) return call.result(ABSENT);
  // Where the room ends before the offset, nothing fits.
  if (offset <= size && hit.value.size <= size - offset)
    copyBytes(into + offset, hit.value.data, hit.value.size);
  return call.result(static_cast<double>(hit.value.size));
}

/** A look-up that goes on with each block that a worker has read. */
class Lookup : public Counted<Lookup> {
 public:
  Lookup(Environment& environment, Loop& loop, Ref<const View> view, Slice key, uint64_t at,
         bool fillCache)
      : promise(environment), loop_(loop), find_(std::move(view), key, at, fillCache) {}

  void go(Load* read);

  Promise promise;

 private:
  friend class Counted<Lookup>;
  ~Lookup() = default;
  void settle();

  Loop& loop_;
  ColdFind find_;
};

class LookupTask final : public Task {
 public:
  LookupTask(Ref<Lookup> lookup, std::unique_ptr<Load> load)
      : lookup_(std::move(lookup)), load_(std::move(load)) {}
  void work() override { load_->read(); }
  void finish() override {
    if (!lookup_->promise.environment().dying()) lookup_->go(load_.get());
  }

 private:
  const Ref<Lookup> lookup_;
  const std::unique_ptr<Load> load_;
};

void Lookup::go(Load* read) {
  std::unique_ptr<Load> load = find_.step(read);
  if (load == nullptr) return settle();
  loop_.queue().run(Worker::READ, std::make_unique<LookupTask>(Ref<Lookup>(this), std::move(load)));
  loop_.update();
}

void Lookup::settle() {
  if (find_.found == Found::FAILED) return promise.reject(find_.failure);
  const napi_env env = promise.environment().env;
  napi_value result = nullptr;
  napi_create_object(env, &result);
  setNumber(env, result, "sequence", sequenceOf(find_.found, find_.hit));
  if (isValue(find_.found, find_.hit)) {
    napi_value value = copyOut(env, find_.hit.value);
    if (value == nullptr) return promise.reject(Status::memory(find_.hit.value.size));
    setValue(env, result, "value", value);
  }
  promise.resolve(result);
}

/** findCold(plane, view, key, at, how): Promise<{value, sequence}> */
napi_value findCold(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  View* view = nullptr;
  Slice key;
  uint64_t at = 0;
  uint64_t how = 0;
  if (!call.object(0, plane) || !call.object(1, view) || !call.bytes(2, key) ||
      !call.count(3, at) || !call.count(4, how))
    return nullptr;
  auto lookup = makeRef<Lookup>(call.environment(), *plane->loop, Ref<const View>(view), key, at,
                                (how & HOW_FILL_CACHE) != 0);
  lookup->go(nullptr);
  return lookup->promise.value();
}

/** A scan, and what is being read for it. */
class Walk : public Counted<Walk> {
 public:
  Walk(Loop& queue, Ref<const View> view, ScanBounds bounds, uint64_t at)
      : scan(std::move(view), std::move(bounds), at), loop(queue) {}

  Scan scan;
  Loop& loop;
  /** Loads under way; the scan is left alone until they have been taken in. */
  size_t reading = 0;
  std::vector<std::unique_ptr<Load>> loads;

 private:
  friend class Counted<Walk>;
  ~Walk() = default;
};

/** Settled when the last load has been read. */
class WalkLoads : public Counted<WalkLoads> {
 public:
  WalkLoads(Environment& environment, Ref<Walk> walk)
      : promise(environment), walk_(std::move(walk)) {}
  void readOne() {
    if (--walk_->reading > 0 || promise.environment().dying()) return;
    std::vector<std::unique_ptr<Load>> loads = std::move(walk_->loads);
    promise.settle(walk_->scan.absorb(loads));
  }

  Promise promise;

 private:
  friend class Counted<WalkLoads>;
  ~WalkLoads() = default;

  const Ref<Walk> walk_;
};

class WalkTask final : public Task {
 public:
  WalkTask(Ref<WalkLoads> all, Load* load) : all_(std::move(all)), load_(load) {}
  void work() override { load_->read(); }
  void finish() override { all_->readOne(); }

 private:
  const Ref<WalkLoads> all_;
  /** The walk holds it. */
  Load* const load_;
};

bool readBound(Call& call, size_t index, std::optional<std::string>& bound) {
  if (call.isUndefined(index)) return true;
  Slice bytes;
  if (!call.bytes(index, bytes)) return false;
  bound.emplace(reinterpret_cast<const char*>(bytes.data), bytes.size);
  return true;
}

/** cursorOpen(plane, view, how, lower?, upper?, at): handle */
napi_value cursorOpen(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Plane* plane = nullptr;
  View* view = nullptr;
  uint64_t how = 0;
  uint64_t at = 0;
  ScanBounds bounds;
  if (!call.object(0, plane) || !call.object(1, view) || !call.count(2, how) ||
      !readBound(call, 3, bounds.lower) || !readBound(call, 4, bounds.upper) || !call.count(5, at))
    return nullptr;
  bounds.reverse = (how & SCAN_REVERSE) != 0;
  bounds.keys = (how & SCAN_KEYS) != 0;
  bounds.values = (how & SCAN_VALUES) != 0;
  bounds.fillCache = (how & SCAN_FILL_CACHE) != 0;
  bounds.lowerInclusive = (how & SCAN_LOWER_OPEN) == 0;
  bounds.upperInclusive = (how & SCAN_UPPER_OPEN) == 0;
  return call.handle(makeRef<Walk>(*plane->loop, Ref<const View>(view), std::move(bounds), at));
}

/** cursorNext(cursor, bytes, ends, limit): count, 0, COLD or GROW */
napi_value cursorNext(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Walk* walk = nullptr;
  uint8_t* bytes = nullptr;
  size_t bytesRoom = 0;
  uint32_t* ends = nullptr;
  size_t endsRoom = 0;
  double limit = 0;
  if (!call.object(0, walk) || !call.room(1, bytes, bytesRoom) ||
      !call.words(2, ends, endsRoom) || !call.number(3, limit))
    return nullptr;
  if (!(limit >= 1) || endsRoom < 2)
    return call.fail(Status::range("a page needs room for one entry"));
  if (walk->reading > 0) return call.result(COLD);
  Status failure;
  const uint64_t entries = limit > 4294967295.0 ? UINT32_MAX : static_cast<uint64_t>(limit);
  const int64_t count = walk->scan.next(bytes, bytesRoom, ends, endsRoom, entries, failure);
  if (count == SCAN_FAILED) return call.fail(failure);
  (*call.environment().words)[Environment::WORD_NEEDED] =
      static_cast<double>(walk->scan.needed());
  return call.result(static_cast<double>(count));
}

/** cursorLoad(cursor): Promise<void>, or undefined when nothing has to be read */
napi_value cursorLoad(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Walk* walk = nullptr;
  if (!call.object(0, walk)) return nullptr;
  if (walk->reading > 0) return call.fail(Status::type("the cursor is loading already"));
  walk->loads = walk->scan.plan();
  if (walk->loads.empty()) {
    const Status status = walk->scan.absorb(walk->loads);
    return status.ok() ? nullptr : call.fail(status);
  }
  auto all = makeRef<WalkLoads>(call.environment(), Ref<Walk>(walk));
  walk->reading = walk->loads.size();
  for (const std::unique_ptr<Load>& load : walk->loads)
    walk->loop.queue().run(Worker::READ, std::make_unique<WalkTask>(all, load.get()));
  walk->loop.update();
  return all->promise.value();
}

/** cursorSeek(cursor, target): void */
napi_value cursorSeek(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Walk* walk = nullptr;
  Slice target;
  if (!call.object(0, walk) || !call.bytes(1, target)) return nullptr;
  if (walk->reading > 0) return call.fail(Status::type("the cursor is loading"));
  walk->scan.seek(target);
  return nullptr;
}

}  // namespace

const Function VIEW_FUNCTIONS[] = {
    {"viewCreate", viewCreate},
    {"viewFree", freeHandle<View>},
    {"find", findNow},
    {"findCold", findCold},
    {"cursorOpen", cursorOpen},
    {"cursorNext", cursorNext},
    {"cursorLoad", cursorLoad},
    {"cursorSeek", cursorSeek},
    {"cursorFree", freeHandle<Walk>},
    {nullptr, nullptr},
};

}  // namespace cairn
