// Raw Snappy: literals, and copies out of what came before.
//
// Pieces are moved 16 bytes at a time where both sides have room for what that writes too much.
// Format: docs/format/table.md (Snappy)
// Twin: lib/table/snappy.ts
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "format/snappy.h"

namespace cairn {

/** The densest element is a copy of 64 bytes in 3 bytes of input. */
inline constexpr size_t SNAPPY_MAX_RATIO = 22;

/** What decoding may write behind the decoded bytes. */
inline constexpr size_t SNAPPY_SLACK_BYTES = 16;

/** How many bytes the input says that it decodes to: never more than it can hold. A format Status
 * on a length that is malformed. */
Status unsnappyLength(Slice input, size_t& length);

/** Decodes to `output`, which has room for what `unsnappyLength` gave, and for the slack. A format
 * Status on anything malformed. */
Status unsnappyTo(uint8_t* output, Slice input);

/** Makes `output` the decoded bytes. */
Status unsnappy(Slice input, Buffer& output);

/** The most bytes that `snappy` may write for an input of this length. */
constexpr size_t snappyRoom(size_t length) { return 32 + length + (length + 5) / 6; }

/** Appends `input`, compressed, to `output`. */
Status snappy(Slice input, Buffer& output);

}  // namespace cairn
