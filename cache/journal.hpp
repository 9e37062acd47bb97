// How a database keeps what a crash must not lose, by the file system that it lies on.
//
// A WAL lets readers go on while somebody writes, but its connections meet in memory: the -shm file, which all of them
// map. On a network or shared file system that is not safe (https://www.sqlite.org/wal.html, "WAL does not work over a
// network filesystem"):
//   - some cannot map a file for writing at all (9p, FUSE without its page cache): the database could not be opened;
//   - others map it, and a server that is gone for a moment turns the next touch of that memory into a SIGBUS, which
//     ends the process, where a read() or write() gives an error that is survived;
//   - and no other machine that mounts the same folder sees what is in that memory.
// There a rollback journal is kept. It needs reads, writes, truncation and locks alone; readers wait while the writer
// writes, and the store gives them turns, so that nobody is told SQLITE_BUSY.
//
// The ledger has a single connection. In exclusive mode that keeps the WAL's index in its own memory and maps nothing
// (wal.html, section 8), so a WAL is safe for it everywhere.
//
// On an overlay, as in a container without a volume, a WAL is safe: -shm and -wal are made in the upper layer, and the
// database has been copied up there before the first reader opens it, as the writer opens it first. Its layer is the
// container's own, so no second one can mount it.
#pragma once

#include <cstdint>
#include <string>

namespace callcache
{

enum class journal
{
    wal,        // several connections, which share memory
    wal_alone,  // a WAL for a single connection, which shares none
    rollback,   // several connections that share no memory: one writes, or all read
};

// What a file of several connections gets on a file system, by its number (statfs(2), f_type), and what the operator is
// told about it: how it is called, or empty if there is nothing to say.
struct journal_choice
{
    journal how = journal::wal;
    std::string note;
};

journal_choice journal_on(std::uint32_t file_system);

}  // namespace callcache
