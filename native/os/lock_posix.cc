// LevelLock by a record lock over the whole of LOCK; which kind of lock that is depends on the
// system (lock_linux, lock_process).
//
// The file is never removed: another may be waiting for a lock on it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/lock.h"

namespace cairn {
namespace {

constexpr char LOCK_NAME[] = "LOCK";
constexpr mode_t LOCK_MODE = 0600;
/** O_NONBLOCK: the open of a FIFO would wait for its other end. */
constexpr int LOCK_FLAGS = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

/** Makes LOCK, or opens the one that is there; gives the descriptor, or -1 and errno. */
int openLock(const std::string& path) {
  const int made = ::open(path.c_str(), LOCK_FLAGS | O_CREAT | O_EXCL, LOCK_MODE);
  if (made >= 0) {
    // Whatever the umask; and one that others can not take is a lock all the same.
    (void)fchmod(made, LOCK_MODE);
    return made;
  }
  return errno == EEXIST ? ::open(path.c_str(), LOCK_FLAGS) : -1;
}

/** 0 when `descriptor` has the lock, else an error number. */
int lockDescriptor(int descriptor, int command) {
  struct stat stat {};
  if (fstat(descriptor, &stat) != 0) return errno;
  if (!S_ISREG(stat.st_mode)) return EINVAL;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(descriptor, command, &whole) == 0 ? 0 : errno;
}

}  // namespace

Status LevelLock::take(const std::string& directory, std::unique_ptr<LevelLock>& held) {
  held = nullptr;
  if (directory.empty() || directory.find('\0') != std::string::npos)
    return Status::type("the directory of a store must be a path");
  const int descriptor = openLock(directory + '/' + LOCK_NAME);
  if (descriptor < 0) return Status::io("open", LOCK_NAME, errno);
  const int failure = lockDescriptor(descriptor, COMMAND);
  if (failure == 0) {
    held.reset(new LevelLock(descriptor));
    return {};
  }
  ::close(descriptor);
  if (failure == EAGAIN || failure == EACCES) return {};
  return Status::io("lock", LOCK_NAME, failure);
}

LevelLock::~LevelLock() { ::close(descriptor_); }

}  // namespace cairn
