// Status: how a call ended; nothing, or what went wrong in the terms of lib/errors.ts.
//
// It names a kind and its parts; the words that users read are made where Node is known
// (napi/error), by the same functions as the TypeScript plane's, so that both say the same.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace cairn {

/** STORE_ERROR_CODES of lib/errors.ts, in its order. */
enum class Code : uint8_t {
  NOT_OPEN,
  LOCKED,
  MISSING,
  EXISTS,
  CORRUPTION,
  FORMAT_VERSION,
  IO,
  NO_SPACE,
  POISONED,
  READ_ONLY,
  LIMIT,
  CAPACITY,
  ABORTED,
  WRONG_KEY,
  CONFLICT,
  QUOTA,
  NOT_FOUND,
  EXPIRED,
  NATIVE_UNAVAILABLE,
};

class [[nodiscard]] Status {
 public:
  enum class Kind : uint8_t {
    OK,
    FORMAT,      // FormatError(text, offset)
    CORRUPTION,  // corruption(file, offset, text)
    IO,          // ioError(text = what was tried, file, error number)
    STORE,       // StoreError(code, text, {file, offset})
    TYPE,        // TypeError(text)
    RANGE,       // RangeError(text)
  };
  static constexpr int64_t NO_OFFSET = -1;

  struct Detail {
    Kind kind = Kind::OK;
    Code code = Code::IO;
    int errorNumber = 0;
    int64_t offset = NO_OFFSET;
    std::string file;
    std::string text;
    /** What came before: the failure that poisoned. */
    std::shared_ptr<const Detail> cause;
  };

  Status() = default;

  static Status format(std::string reason, uint64_t offset) {
    Detail detail;
    detail.kind = Kind::FORMAT;
    detail.offset = static_cast<int64_t>(offset);
    detail.text = std::move(reason);
    return Status(std::move(detail));
  }
  static Status corruption(std::string file, uint64_t offset, std::string reason) {
    Detail detail;
    detail.kind = Kind::CORRUPTION;
    detail.code = Code::CORRUPTION;
    detail.offset = static_cast<int64_t>(offset);
    detail.file = std::move(file);
    detail.text = std::move(reason);
    return Status(std::move(detail));
  }
  /** `action` as in 'could not write 000005.log'. */
  static Status io(std::string action, std::string file, int errorNumber) {
    Detail detail;
    detail.kind = Kind::IO;
    detail.errorNumber = errorNumber;
    detail.file = std::move(file);
    detail.text = std::move(action);
    return Status(std::move(detail));
  }
  static Status store(Code code, std::string message, std::string file = {},
                      int64_t offset = NO_OFFSET) {
    Detail detail;
    detail.kind = Kind::STORE;
    detail.code = code;
    detail.offset = offset;
    detail.file = std::move(file);
    detail.text = std::move(message);
    return Status(std::move(detail));
  }
  static Status type(std::string message) {
    Detail detail;
    detail.kind = Kind::TYPE;
    detail.text = std::move(message);
    return Status(std::move(detail));
  }
  static Status range(std::string message) {
    Detail detail;
    detail.kind = Kind::RANGE;
    detail.text = std::move(message);
    return Status(std::move(detail));
  }
  static Status memory(uint64_t bytes) {
    return store(Code::LIMIT, "no memory for " + std::to_string(bytes) + " bytes");
  }
  /** The same with what came before. */
  Status because(const Status& cause) const {
    Detail detail = *detail_;
    detail.cause = cause.detail_;
    return Status(std::move(detail));
  }

  bool ok() const { return detail_ == nullptr; }
  Kind kind() const { return detail_ ? detail_->kind : Kind::OK; }
  /** Of a status that is not ok. */
  const Detail& detail() const { return *detail_; }
  bool isCorruption() const { return kind() == Kind::CORRUPTION; }
  bool isMissing() const { return kind() == Kind::IO && detail_->errorNumber == ENOENT; }

  /** A FormatError of bytes that lie at `offset` of `file` becomes corruption (`sound` in
   * lib/table/block.ts); everything else stays as it is. */
  Status in(const std::string& file, uint64_t offset) const {
    return kind() == Kind::FORMAT ? corruption(file, offset, detail_->text) : *this;
  }

 private:
  explicit Status(Detail detail)
      : detail_(std::make_shared<const Detail>(std::move(detail))) {}

  std::shared_ptr<const Detail> detail_;
};

}  // namespace cairn

/** Leaves the function with what went wrong, if anything did. */
#define CAIRN_TRY(expression)                                 \
  do {                                                        \
    if (::cairn::Status status_ = (expression); !status_.ok()) \
      return status_;                                         \
  } while (false)
