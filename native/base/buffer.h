// Buffer: bytes of its own that can grow, without filling what is written next anyway.
//
// Memory that can not be had is an answer, not an end of the process: lengths come from files.
#pragma once

#include <cstdlib>
#include <utility>

#include "base/slice.h"

namespace cairn {

class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { std::free(data_); }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  Slice slice() const { return {data_, size_}; }
  uint8_t& operator[](size_t index) { return data_[index]; }
  uint8_t operator[](size_t index) const { return data_[index]; }

  /** Makes room for `capacity` bytes in all; false when the memory can not be had. */
  [[nodiscard]] bool reserve(size_t capacity) {
    if (capacity <= capacity_) return true;
    void* grown = std::realloc(data_, capacity);
    if (grown == nullptr) return false;
    data_ = static_cast<uint8_t*>(grown);
    capacity_ = capacity;
    return true;
  }

  /** Room for `more` bytes behind the end; at least doubles, so that appending stays linear. */
  [[nodiscard]] bool room(size_t more) {
    if (more <= capacity_ - size_) return true;
    if (more > SIZE_MAX - size_) return false;
    const size_t need = size_ + more;
    const size_t doubled = capacity_ > SIZE_MAX / 2 ? need : capacity_ * 2;
    return reserve(need > doubled ? need : doubled) || reserve(need);
  }

  /** Sets the size; what is new has no defined content. */
  [[nodiscard]] bool resize(size_t size) {
    if (!reserve(size)) return false;
    size_ = size;
    return true;
  }

  /** Within what is reserved. */
  void setSize(size_t size) { size_ = size; }
  void clear() { size_ = 0; }

  [[nodiscard]] bool append(Slice bytes) {
    if (!room(bytes.size)) return false;
    copyBytes(data_ + size_, bytes.data, bytes.size);
    size_ += bytes.size;
    return true;
  }

  [[nodiscard]] bool assign(Slice bytes) {
    size_ = 0;
    return append(bytes);
  }

  /** Gives the memory back. */
  void release() {
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace cairn
