// Reads of the database on an event loop, which must not wait for the disk.
#pragma once

#include "cache/rows.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

namespace callcache::sqlite
{

// Reads on the asker's thread what needs no waiting for the disk, with a connection for each of about as many threads
// as there are event loops. Opened and closed while nobody reads; closed before every other connection to the file
// (nowait_vfs.hpp).
class nowait_readers
{
public:
    void open(const std::string& path)
    {
        for (one& o : all_) o.reader.emplace(path, row_reader::patience::never);
    }
    void close()
    {
        for (one& o : all_) o.reader.reset();
    }

    // Any thread. Null if that is not known without waiting.
    entry_ptr find(key_view key, std::int64_t generation)
    {
        static std::atomic<std::size_t> askers{0};
        thread_local const std::size_t asker = askers++;
        one& mine = all_[asker % count];
        std::unique_lock alone(mine.mutex, std::try_to_lock);
        if (!alone || !mine.reader) return nullptr;
        try
        {
            return mine.reader->find(key, generation).kept;
        }
        catch (const failure&)
        {
            return nullptr;  // on the disk alone, or in trouble: the reader that waits finds out
        }
    }

private:
    static constexpr std::size_t count = 4;
    struct one
    {
        std::mutex mutex;
        std::optional<row_reader> reader;
    };
    one all_[count];
};

}  // namespace callcache::sqlite
