// Trace: what the test build sees of every operation on files, and the faults it puts in place.
//
// A build with CAIRN_TRACE records each operation with its bytes and with two numbers out of one
// counter, taken before it begins and after it ended: A was done before B began exactly when A's
// end is less than B's begin. In a build without it everything here is a constant and compiles to
// the bare call. What is process-wide here exists in the test build only.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "base/slice.h"

namespace cairn {

#ifdef CAIRN_TRACE
inline constexpr bool TRACE_BUILT = true;
#else
inline constexpr bool TRACE_BUILT = false;
#endif

enum class TraceKind : uint8_t { CREATE, REMOVE, WRITE, SYNC, TRUNCATE };

struct TraceOperation {
  TraceKind kind = TraceKind::WRITE;
  std::string name;
  /** Inode of the directory; of CREATE and REMOVE. */
  uint64_t directory = 0;
  /** Inode of the file; of all but REMOVE and a CREATE that failed. */
  uint64_t inode = 0;
  /** Of WRITE; the new size of TRUNCATE. */
  uint64_t position = 0;
  /** Of WRITE: all that was to be written. */
  std::string bytes;
  uint64_t begin = 0;
  /** 0 when it was under way as the trace was taken: then it may have happened or not. */
  uint64_t end = 0;
  /** Bytes written, 0, or a negated error number. A write of which no end is known, or that
   * failed, may have written any part of its bytes. */
  int64_t result = 0;
};

/** Starts or stops recording; faults and numbers work without it. */
void traceRecord(bool on);
/** Gives what was recorded, in the order of beginning, and forgets it. */
std::vector<TraceOperation> traceTake();
/** A number for something that the caller itself does or sees. */
uint64_t traceTick();
/** The `nth` operation of `kind` from now (from 1) on is not done and ends with `result`, a
 * negated error number; or it is a write of which `result` bytes are done. */
void tracePlan(TraceKind kind, uint64_t nth, int64_t result);
/** Forgets every fault that has not happened; gives how many there were. */
size_t traceForgive();

/** An operation that began. */
struct Traced {
  static constexpr int64_t AS_IT_IS = INT64_MAX;

  uint64_t number = 0;
  int64_t planned = AS_IT_IS;

  /** It is not to be done, and ends with `planned`. */
  bool fails() const { return TRACE_BUILT && planned < 0; }
  /** How much of `size` bytes is to be written. */
  size_t part(size_t size) const {
    return !TRACE_BUILT || static_cast<uint64_t>(planned) >= size ? size
                                                                  : static_cast<size_t>(planned);
  }
};

Traced traceBeginRecord(TraceKind kind, int descriptor, const std::string& name, uint64_t position,
                        Slice bytes);
void traceEndRecord(const Traced& traced, int64_t result);

/** `descriptor` is the directory's for CREATE and REMOVE, else the file's. */
inline Traced traceBegin(TraceKind kind, int descriptor, const std::string& name,
                         uint64_t position = 0, Slice bytes = {}) {
  if constexpr (TRACE_BUILT) return traceBeginRecord(kind, descriptor, name, position, bytes);
  return {};
}

/** `result` of CREATE is the new descriptor. */
inline void traceEnd(const Traced& traced, int64_t result) {
  if constexpr (TRACE_BUILT) traceEndRecord(traced, result);
}

/** Makes one system call, `call(size)`, which gives -1 and errno, or a count. Gives the count, or
 * the negated error number. */
template <class Call>
int64_t traceCall(TraceKind kind, int descriptor, const std::string& name, uint64_t position,
                  Slice bytes, Call call) {
  const Traced traced = traceBegin(kind, descriptor, name, position, bytes);
  int64_t result = traced.planned;
  if (!traced.fails()) {
    result = call(traced.part(bytes.size));
    if (result < 0) result = -errno;
  }
  traceEnd(traced, result);
  return result;
}

}  // namespace cairn
