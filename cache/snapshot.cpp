#include "cache/snapshot.hpp"

#include "cache/schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace callcache
{
namespace
{

using namespace sqlite;

// Removes the files that it is given, unless it is told that they are good.
struct unfinished
{
    const std::string &part, &file;
    bool is_good = false;
    ~unfinished()
    {
        if (is_good) return;
        std::remove(part.c_str());
        std::remove(file.c_str());
    }
};

void copy(const std::string& from, const std::string& to)
{
    database db(from, SQLITE_OPEN_READONLY);
    auto version = db.integer("PRAGMA user_version");
    if (version > cache_schema().version())
        throw failure(SQLITE_ERROR, "it was written by a newer callcache (schema " + std::to_string(version) + ")");
    statement vacuum(db, "VACUUM INTO ?1");
    vacuum.bind(1, to).run();
}

// What was purged and is not deleted yet stays behind.
snapshot_taken tidy(const std::string& path)
{
    database db(path, SQLITE_OPEN_READWRITE);
    db.execute("PRAGMA secure_delete = ON");
    db.execute("DELETE FROM entry WHERE generation < (SELECT value FROM meta WHERE name = 'generation')");
    snapshot_taken taken;
    taken.entries = std::uint64_t(db.integer("SELECT count(*) FROM entry"));
    taken.bytes = std::uint64_t(db.integer("PRAGMA page_count") * db.integer("PRAGMA page_size"));
    return taken;
}

}  // namespace

std::variant<snapshot_taken, std::string> take_snapshot(const std::string& path, const std::string& to)
{
    auto kind = kind_of(path, cache_schema());
    if (!kind) return "cannot read " + path + ": " + std::strerror(errno);
    if (*kind == file_kind::absent || *kind == file_kind::empty)
        return path + " does not exist, or is empty (cache.path): there is nothing to copy";
    if (*kind == file_kind::foreign) return path + " is not a callcache database (cache.path)";
    // The name is taken before anything is written, so that of two attempts one is refused.
    int fd = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return "cannot make " + to + ": " + (errno == EEXIST ? "it exists, and is not overwritten" : strerror(errno));
    close(fd);
    std::string part = to + "-part-XXXXXX";  // a name that nobody has: a file of a name that we choose may be another's
    fd = mkostemp(part.data(), O_CLOEXEC);
    if (fd < 0)
    {
        const int error = errno;
        std::remove(to.c_str());
        return "cannot make " + part + ": " + std::strerror(error);
    }
    close(fd);
    unfinished files{part, to};
    try
    {
        copy(path, part);
        snapshot_taken taken = tidy(part);
        if (std::rename(part.c_str(), to.c_str()) != 0) return "cannot make " + to + ": " + std::strerror(errno);
        files.is_good = true;
        return taken;
    }
    catch (const failure& f)
    {
        return "cannot copy " + path + ": " + f.what();
    }
}

}  // namespace callcache
