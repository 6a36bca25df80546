// Directory and File: the system's files, by name in one directory that is held open.
//
// A descriptor lives as long as someone holds its File, so no call ever uses a number that the
// system has given to another file. Opened with O_NOFOLLOW and O_CLOEXEC, regular files only, mode
// 0600. Every transfer goes on until all is done; interruptions are tried again, but a sync never
// is: what it failed with is told once. Names are those of lib/io: plain file names, or one in one
// subdirectory (`wal/00000001.journal`), which is no symbolic link either.
#pragma once

#include <string>

#include "base/counted.h"
#include "base/slice.h"
#include "base/status.h"

namespace cairn {

class File;

class Directory : public Counted<Directory> {
 public:
  static Status open(const std::string& path, Ref<Directory>& directory);

  /** To read. An io status with ENOENT when there is none. */
  Status openFile(const std::string& name, Ref<File>& file) const;
  /** To read and write, new and empty; EEXIST when there is one. Its directory is not synced. */
  Status createFile(const std::string& name, Ref<File>& file) const;
  /** Nothing when there is none. */
  Status removeFile(const std::string& name) const;

 private:
  friend class Counted<Directory>;
  explicit Directory(int descriptor) : descriptor_(descriptor) {}
  ~Directory();

  const int descriptor_;
};

class File : public Counted<File> {
 public:
  const std::string& name() const { return name_; }
  int descriptor() const { return descriptor_; }

  /** Reads until `into` is full or the file ends; `got` bytes. May wait for the device. */
  Status read(uint8_t* into, size_t size, uint64_t position, size_t& got) const;
  /** The same without waiting: `cold` when the page cache does not hold all of it (then nothing
   * is known of `into`), when the file ends before, or when the system can not tell. */
  Status readNow(uint8_t* into, size_t size, uint64_t position, size_t& got, bool& cold) const;
  /** Writes all of it; a partial write that can not go on is an error. */
  Status write(Slice bytes, uint64_t position) const;
  /** Returns when every byte written before, and the size, survive power loss. */
  Status sync() const;
  /** Of a file that was created here: what was opened to read is refused (EINVAL). */
  Status truncate(uint64_t sizeBytes) const;
  Status size(uint64_t& sizeBytes) const;

 private:
  friend class Counted<File>;
  friend class Directory;
  File(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  ~File();

  /** One call; -1 and errno when it failed. */
  static int syncDescriptor(int descriptor);

  const int descriptor_;
  const std::string name_;
};

}  // namespace cairn
