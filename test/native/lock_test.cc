// LevelLock: one holder at a time, in this process and of a process that locks as LevelDB does.
#include "os/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "scratch.h"

using namespace cairn;

namespace {

/** Whether another process gets LevelDB's own lock; it has gone again then. */
bool levelTakes(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    const int descriptor = open(path.c_str(), O_RDWR);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    _exit(fcntl(descriptor, F_SETLK, &whole) == 0 ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void excludes(const Scratch& scratch) {
  std::unique_ptr<LevelLock> held;
  std::unique_ptr<LevelLock> other;
  CHECK_OK(LevelLock::take(scratch.path(), held));
  CHECK(held != nullptr);
  struct stat stat {};
  CHECK_EQ(::stat((scratch / "LOCK").c_str(), &stat), 0);
  CHECK_EQ(stat.st_mode & 07777, mode_t{0600});
  CHECK_OK(LevelLock::take(scratch.path(), other));
  CHECK(other == nullptr);
  // The close of another descriptor, which that refusal ended with, drops nothing.
  CHECK(!levelTakes(scratch / "LOCK"));
  held = nullptr;
  CHECK(levelTakes(scratch / "LOCK"));
  CHECK_OK(LevelLock::take(scratch.path(), other));
  CHECK(other != nullptr);
}

/** While another process holds LevelDB's lock. */
void excluded(const Scratch& scratch) {
  int ready[2];
  int enough[2];
  CHECK_EQ(pipe(ready) + pipe(enough), 0);
  const pid_t child = fork();
  char byte = 'x';
  if (child == 0) {
    ::close(enough[1]);
    const int descriptor = open((scratch / "LOCK").c_str(), O_RDWR);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fcntl(descriptor, F_SETLK, &whole) != 0) byte = '!';
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    _exit(read(enough[0], &byte, 1) >= 0 ? 0 : 1);
  }
  CHECK_EQ(read(ready[0], &byte, 1), 1);
  CHECK_EQ(byte == 'x', true);
  std::unique_ptr<LevelLock> held;
  CHECK_OK(LevelLock::take(scratch.path(), held));
  CHECK(held == nullptr);
  for (const int end : {ready[0], ready[1], enough[0], enough[1]}) ::close(end);
  CHECK_EQ(waitpid(child, nullptr, 0), child);
  CHECK_OK(LevelLock::take(scratch.path(), held));
  CHECK(held != nullptr);
}

void strangers(const Scratch& scratch) {
  std::unique_ptr<LevelLock> held;
  const Status none = LevelLock::take(scratch / "none", held);
  CHECK(none.isMissing());
  CHECK_EQ(symlink("/dev/null", (scratch / "LOCK").c_str()), 0);
  CHECK(!LevelLock::take(scratch.path(), held).ok());
  CHECK_EQ(unlink((scratch / "LOCK").c_str()), 0);
  CHECK_EQ(mkfifo((scratch / "LOCK").c_str(), 0600), 0);
  CHECK(!LevelLock::take(scratch.path(), held).ok());
  CHECK(held == nullptr);
}

}  // namespace

int main() {
  const Scratch scratch;
  const Scratch other;
  excludes(scratch);
  excluded(scratch);
  strangers(other);
  return checkResult();
}
