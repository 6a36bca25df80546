// LevelLock: the lock that LevelDB itself takes, on the file LOCK.
//
// Of an open file description (F_OFD_SETLK): it excludes LevelDB's own POSIX lock and every other
// holder, in this process too, and is not dropped when this process closes another descriptor of
// the file.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"

namespace cairn {

class LevelLock {
 public:
  /** Makes LOCK unless it exists. `held` is null when another holds it. */
  static Status take(const std::string& directory, std::unique_ptr<LevelLock>& held);
  ~LevelLock();

 private:
  explicit LevelLock(int descriptor) : descriptor_(descriptor) {}

  /** The command of fcntl that takes it. */
  static const int COMMAND;
  const int descriptor_;
};

}  // namespace cairn
