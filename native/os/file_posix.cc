// Directory and File by POSIX calls; what differs between systems is in file_linux, file_mac.
//
// A transfer may be interrupted, or stop early: it goes on with the rest. The number of tries that
// bring nothing is bounded, so that no system holds a thread for ever.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "os/file.h"
#include "os/trace.h"
#include "os/transfer.h"

namespace cairn {
namespace {

constexpr mode_t FILE_MODE = 0600;
constexpr int FILE_FLAGS = O_NOFOLLOW | O_CLOEXEC;

bool plainPart(const std::string& part) {
  return !part.empty() && part != "." && part != ".." && part.find('\0') == std::string::npos;
}

/** A plain name, or one in one subdirectory. */
bool goodName(const std::string& name) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return plainPart(name);
  return name.find('/', slash + 1) == std::string::npos && plainPart(name.substr(0, slash)) &&
         plainPart(name.substr(slash + 1));
}

Status badName(const std::string& name) { return Status::type("not a file name: " + name); }

/** open, without an end by a signal that came before anything was done. */
int openAt(int directory, const char* name, int flags) {
  for (int tries = 0;; tries++) {
    const int descriptor = openat(directory, name, flags, FILE_MODE);
    if (descriptor >= 0 || errno != EINTR || tries == TRANSFER_MAX_TRIES) return descriptor;
  }
}

/** Where a name leads: the last directory on the way, held open meanwhile, and the rest. */
class Place {
 public:
  Place(int directory, const std::string& name) : directory_(directory), file_(name.c_str()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos) return;
    file_ += slash + 1;
    constexpr int FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    own_ = directory_ = openAt(directory, name.substr(0, slash).c_str(), FLAGS);
  }
  ~Place() {
    const int failure = errno;
    if (own_ >= 0) ::close(own_);
    errno = failure;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /** When it is not, errno says why. */
  bool opened() const { return directory_ >= 0; }
  int directory() const { return directory_; }
  const char* file() const { return file_; }

 private:
  int directory_;
  const char* file_;
  int own_ = -1;
};

int openIn(int directory, const std::string& name, int flags) {
  const Place place(directory, name);
  return place.opened() ? openAt(place.directory(), place.file(), flags) : -1;
}

}  // namespace

Status Directory::open(const std::string& path, Ref<Directory>& directory) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return Status::type("the directory of a store must be a path");
  const int descriptor = openAt(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Status::io("open", path, errno);
  directory = Ref<Directory>(new Directory(descriptor));
  return {};
}

Directory::~Directory() { ::close(descriptor_); }

Status Directory::openFile(const std::string& name, Ref<File>& file) const {
  if (!goodName(name)) return badName(name);
  // O_NONBLOCK: the open of a FIFO would wait for its other end.
  const int descriptor = openIn(descriptor_, name, O_RDONLY | O_NONBLOCK | FILE_FLAGS);
  if (descriptor < 0) return Status::io("open", name, errno);
  struct stat stat {};
  const int failure = fstat(descriptor, &stat) != 0 ? errno : S_ISREG(stat.st_mode) ? 0 : EINVAL;
  if (failure != 0) {
    ::close(descriptor);
    return Status::io("open", name, failure);
  }
  file = Ref<File>(new File(descriptor, name));
  return {};
}

Status Directory::createFile(const std::string& name, Ref<File>& file) const {
  if (!goodName(name)) return badName(name);
  // What O_EXCL creates is a regular file. Without O_NONBLOCK, which older kernels take for "do
  // not wait" in writes through a ring and refuse with EAGAIN.
  const int flags = O_RDWR | O_CREAT | O_EXCL | FILE_FLAGS;
  const int64_t opened = traceCall(TraceKind::CREATE, descriptor_, name, 0, {}, [&](size_t) {
    return openIn(descriptor_, name, flags);
  });
  if (opened < 0) return Status::io("create", name, static_cast<int>(-opened));
  const int descriptor = static_cast<int>(opened);
  // Whatever the umask.
  if (fchmod(descriptor, FILE_MODE) != 0) {
    const int failure = errno;
    ::close(descriptor);
    static_cast<void>(removeFile(name));
    return Status::io("create", name, failure);
  }
  file = Ref<File>(new File(descriptor, name));
  return {};
}

Status Directory::removeFile(const std::string& name) const {
  if (!goodName(name)) return badName(name);
  const int64_t result = traceCall(TraceKind::REMOVE, descriptor_, name, 0, {}, [&](size_t) {
    const Place place(descriptor_, name);
    return place.opened() ? unlinkat(place.directory(), place.file(), 0) : -1;
  });
  if (result == 0 || result == -ENOENT) return {};
  return Status::io("remove", name, static_cast<int>(-result));
}

// Not tried again when interrupted: the number may be another file's by then.
File::~File() { ::close(descriptor_); }

Status File::read(uint8_t* into, size_t size, uint64_t position, size_t& got) const {
  got = 0;
  for (int tries = 0; got < size;) {
    const size_t length = std::min(size - got, TRANSFER_MAX_BYTES);
    const ssize_t count =
        pread(descriptor_, into + got, length, static_cast<off_t>(position + got));
    if (count == 0) break;
    if (count > 0) {
      got += static_cast<size_t>(count);
      tries = 0;
    } else if (!transferPasses(errno) || ++tries > TRANSFER_MAX_TRIES) {
      return Status::io("read", name_, errno);
    }
  }
  return {};
}

Status File::write(Slice bytes, uint64_t position) const {
  int tries = 0;
  while (!bytes.empty()) {
    const Slice piece = bytes.part(0, std::min(bytes.size, TRANSFER_MAX_BYTES));
    const auto call = [&](size_t size) {
      return pwrite(descriptor_, piece.data, size, static_cast<off_t>(position));
    };
    const int64_t count =
        traceCall(TraceKind::WRITE, descriptor_, name_, position, piece, call);
    // Nothing written and no reason given: on it would go for ever.
    if (count == 0) return Status::io("write", name_, EIO);
    if (count > 0) {
      bytes = bytes.from(static_cast<size_t>(count));
      position += static_cast<uint64_t>(count);
      tries = 0;
    } else if (!transferPasses(static_cast<int>(-count)) || ++tries > TRANSFER_MAX_TRIES) {
      return Status::io("write", name_, static_cast<int>(-count));
    }
  }
  return {};
}

Status File::sync() const {
  const int64_t result = traceCall(TraceKind::SYNC, descriptor_, name_, 0, {},
                                   [&](size_t) { return syncDescriptor(descriptor_); });
  return result < 0 ? Status::io("sync", name_, static_cast<int>(-result)) : Status();
}

Status File::truncate(uint64_t sizeBytes) const {
  const auto call = [&](size_t) { return ftruncate(descriptor_, static_cast<off_t>(sizeBytes)); };
  for (int tries = 0;; tries++) {
    const int64_t result =
        traceCall(TraceKind::TRUNCATE, descriptor_, name_, sizeBytes, {}, call);
    if (result == 0) return {};
    if (!transferPasses(static_cast<int>(-result)) || tries == TRANSFER_MAX_TRIES)
      return Status::io("truncate", name_, static_cast<int>(-result));
  }
}

Status File::size(uint64_t& sizeBytes) const {
  struct stat stat {};
  if (fstat(descriptor_, &stat) != 0) return Status::io("read the size of", name_, errno);
  sizeBytes = static_cast<uint64_t>(stat.st_size);
  return {};
}

}  // namespace cairn
