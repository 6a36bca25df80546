// Directory and File: bytes, sizes and names come back; what is not a regular file is refused.
#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "check.h"
#include "scratch.h"

using namespace cairn;

namespace {

Slice text(const char* bytes) { return Slice(bytes, std::strlen(bytes)); }

int errorOf(const Status& status) {
  return status.kind() == Status::Kind::IO ? status.detail().errorNumber : -1;
}

mode_t modeOf(const std::string& path) {
  struct stat stat {};
  return ::stat(path.c_str(), &stat) == 0 ? stat.st_mode & 07777 : 0;
}

void transfers(const Scratch& scratch) {
  Ref<Directory> directory;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return;
  Ref<File> file;
  const mode_t mask = umask(0277);
  CHECK_OK(directory->createFile("a.log", file));
  umask(mask);
  CHECK_EQ(modeOf(scratch / "a.log"), mode_t{0600});
  CHECK_EQ(file->name(), "a.log");
  CHECK_EQ(fcntl(file->descriptor(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  CHECK_EQ(fcntl(file->descriptor(), F_GETFL) & O_NONBLOCK, 0);

  CHECK_OK(file->write(text("hello"), 0));
  CHECK_OK(file->write(text("there"), 10));
  CHECK_OK(file->write(Slice(), 3));
  CHECK_OK(file->sync());
  uint64_t size = 0;
  CHECK_OK(file->size(size));
  CHECK_EQ(size, 15);
  uint8_t bytes[32] = {};
  size_t got = 0;
  CHECK_OK(file->read(bytes, sizeof bytes, 0, got));
  CHECK_EQ(Slice(bytes, got), Slice("hello\0\0\0\0\0there", 15));
  CHECK_OK(file->read(bytes, 3, 12, got));
  CHECK_EQ(Slice(bytes, got), text("ere"));
  CHECK_OK(file->read(bytes, 3, 1000, got));
  CHECK_EQ(got, 0);
  CHECK_EQ(errorOf(file->read(bytes, 3, uint64_t{1} << 63, got)), EINVAL);
  CHECK_EQ(errorOf(file->write(text("x"), uint64_t{1} << 63)), EINVAL);
  CHECK_OK(file->truncate(4));
  CHECK_OK(file->read(bytes, sizeof bytes, 0, got));
  CHECK_EQ(Slice(bytes, got), text("hell"));

  Ref<File> other;
  CHECK_EQ(errorOf(directory->createFile("a.log", other)), EEXIST);
  CHECK_OK(directory->openFile("a.log", other));
  CHECK_EQ(errorOf(other->write(text("x"), 0)), EBADF);
  CHECK_EQ(errorOf(other->truncate(0)), EINVAL);
  CHECK_OK(directory->removeFile("a.log"));
  CHECK_OK(directory->removeFile("a.log"));
  const Status missing = directory->openFile("a.log", other);
  CHECK(missing.isMissing());
  CHECK_EQ(missing.detail().file, "a.log");
  CHECK_EQ(missing.detail().text, "open");
  CHECK_EQ(other->name(), "a.log");
  // A removed file is there for those who have it open.
  CHECK_OK(other->read(bytes, sizeof bytes, 0, got));
  CHECK_EQ(got, 4);
}

/** What is in memory is given; what is not whole is cold. */
void withoutWaiting(const Scratch& scratch) {
  Ref<Directory> directory;
  Ref<File> file;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return;
  CHECK_OK(directory->createFile("now", file));
  std::vector<uint8_t> bytes(1 << 20, 7);
  CHECK_OK(file->write(Slice(bytes.data(), bytes.size()), 0));
  CHECK_OK(file->sync());
  size_t got = 0;
  bool cold = false;
  std::vector<uint8_t> into(bytes.size());
  CHECK_OK(file->readNow(into.data(), into.size(), 0, got, cold));
  CHECK(cold || (got == bytes.size() && into == bytes));
  CHECK_OK(file->readNow(into.data(), 10, bytes.size() - 5, got, cold));
  CHECK(cold);
  CHECK_OK(file->readNow(into.data(), 10, bytes.size() + 5, got, cold));
  CHECK(cold);
  CHECK_OK(file->readNow(into.data(), 0, 0, got, cold));
}

void names(const Scratch& scratch) {
  Ref<Directory> directory;
  Ref<File> file;
  CHECK_EQ(errorOf(Directory::open(scratch / "none", directory)), ENOENT);
  CHECK_EQ(Directory::open("", directory).kind(), Status::Kind::TYPE);
  CHECK_EQ(Directory::open(std::string("a\0b", 3), directory).kind(), Status::Kind::TYPE);
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return;
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("/etc"),
        std::string("/etc/passwd"), std::string("a/"), std::string("../a"), std::string("./a"),
        std::string("a/.."), std::string("a//b"), std::string("a/b/c"), std::string("a\0b", 3),
        std::string("a\0/b", 4), std::string("a/b\0", 4)}) {
    CHECK_EQ(directory->openFile(name, file).kind(), Status::Kind::TYPE);
    CHECK_EQ(directory->createFile(name, file).kind(), Status::Kind::TYPE);
    CHECK_EQ(directory->removeFile(name).kind(), Status::Kind::TYPE);
  }
  CHECK_EQ(errorOf(directory->createFile(std::string(300, 'n'), file)), ENAMETOOLONG);
}

void strangers(const Scratch& scratch) {
  Ref<Directory> directory;
  Ref<File> file;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return;
  CHECK_EQ(mkfifo((scratch / "fifo").c_str(), 0600), 0);
  CHECK_EQ(mkdir((scratch / "folder").c_str(), 0700), 0);
  CHECK_EQ(symlink("/etc/passwd", (scratch / "link").c_str()), 0);
  CHECK_EQ(errorOf(directory->openFile("fifo", file)), EINVAL);
  CHECK_EQ(errorOf(directory->openFile("folder", file)), EINVAL);
  CHECK_EQ(errorOf(directory->openFile("link", file)), ELOOP);
  CHECK_EQ(errorOf(directory->createFile("link", file)), EEXIST);
  CHECK(errorOf(directory->removeFile("folder")) > 0);
  CHECK_EQ(errorOf(Directory::open(scratch / "fifo", directory)), ENOTDIR);
  CHECK(!file);
}

/** One level down, through a directory that is really there. */
void subdirectories(const Scratch& scratch) {
  Ref<Directory> directory;
  Ref<File> file;
  if (!CHECK_OK(Directory::open(scratch.path(), directory))) return;
  CHECK(directory->openFile("wal/1", file).isMissing());
  CHECK_EQ(errorOf(directory->createFile("wal/1", file)), ENOENT);
  CHECK_OK(directory->removeFile("wal/1"));
  CHECK_EQ(mkdir((scratch / "wal").c_str(), 0700), 0);
  CHECK_OK(directory->createFile("wal/1", file));
  CHECK_EQ(file->name(), "wal/1");
  CHECK_EQ(modeOf(scratch / "wal/1"), mode_t{0600});
  CHECK_OK(file->write(text("hello"), 0));
  CHECK_EQ(errorOf(directory->createFile("wal/1", file)), EEXIST);
  uint64_t size = 0;
  CHECK_OK(directory->openFile("wal/1", file));
  CHECK_OK(file->size(size));
  CHECK_EQ(size, 5);
  file = nullptr;
  CHECK_EQ(symlink((scratch / "wal").c_str(), (scratch / "away").c_str()), 0);
  CHECK(errorOf(directory->openFile("away/1", file)) > 0);
  CHECK(errorOf(directory->createFile("away/2", file)) > 0);
  CHECK(errorOf(directory->removeFile("away/1")) > 0);
  CHECK_EQ(symlink("1", (scratch / "wal/link").c_str()), 0);
  CHECK_EQ(errorOf(directory->openFile("wal/link", file)), ELOOP);
  CHECK_EQ(errorOf(directory->openFile("fifo/1", file)), ENOTDIR);
  CHECK(!file);
  CHECK_OK(directory->removeFile("wal/1"));
  CHECK(directory->openFile("wal/1", file).isMissing());
}

}  // namespace

int main() {
  const Scratch scratch;
  transfers(scratch);
  withoutWaiting(scratch);
  names(scratch);
  strangers(scratch);
  subdirectories(scratch);
  return checkResult();
}
