// Reads of a database that never wait for the disk: of what the system has in memory, or not at all.
//
// A hop to a reader's thread and back costs several times what the reading itself does, and what is asked for has
// mostly been asked for before. So whoever must not wait reads at once, and goes to a reader if that fails. SQLite's
// own layer has no such reads; this one is SQLite's, with preadv2(RWF_NOWAIT) in the place of pread while `nowait_vfs`
// lives.
//
// It opens each file a second time, and the kernel takes all locks of a process from a file of which it closes any
// descriptor. So a connection of this layer is closed only when the others of its file are about to be.
#pragma once

namespace callcache::sqlite
{

// The layer's name, for a database to be opened with.
const char* nowait_layer();

// While one lives, a read of this thread's fails (SQLITE_IOERR_BLOCKED) where it would have to wait for the disk.
class nowait_vfs
{
public:
    nowait_vfs();
    ~nowait_vfs();
    nowait_vfs(const nowait_vfs&) = delete;
};

}  // namespace callcache::sqlite
