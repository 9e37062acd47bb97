#include "cache/open_file.hpp"

#include "cache/file_system.hpp"
#include "cache/rows.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

namespace callcache::sqlite
{
namespace
{

// Names who may not write what, and the ways out.
[[noreturn]] void refuse_unwritable(const std::string& path, const schema& as, int error)
{
    std::string what = access(path.c_str(), F_OK) == 0 ? path : folder_of(path);
    std::string text = "cannot write " + std::string(as.what) + " " + path + ": " + std::strerror(error);
    std::string mend = "chown " + std::to_string(geteuid()) + " " + what;
    struct stat info;
    if (stat(what.c_str(), &info) == 0)
        text += " (" + what + " belongs to uid " + std::to_string(info.st_uid) + ", callcache runs as uid " +
                std::to_string(geteuid()) + ")";
    else
    {
        if (errno == ENOENT) mend = "mkdir -p " + what;
        text += " (" + what + (errno == ENOENT ? " does not exist" : " cannot be looked at") +
                ", callcache runs as uid " + std::to_string(geteuid()) + ")";
    }
    std::string choose(as.choose);
    throw refused{text + ". Ways out: " + mend +
                  "; in Kubernetes set securityContext.fsGroup; choose another file with " + choose +
                  "; or run without a file: " + choose.substr(0, choose.size() - 4) + ":memory:"};
}

// A WAL is not bound to its database: SQLite would replay what another file left into a new one.
void remove_beside(const std::string& path)
{
    for (const char* suffix : {"-wal", "-shm", "-journal"}) std::remove((path + suffix).c_str());
}

// A connection that is alone for as long as it lives, where more than one would have to share memory: then it needs
// none, whatever journal the file had until now.
database open_alone(const std::string& path, journal j)
{
    database db(path, SQLITE_OPEN_READWRITE);
    if (j != journal::wal) db.execute("PRAGMA locking_mode = EXCLUSIVE");
    return db;
}

std::string fresh_copy(const std::string& path)
{
    return path + "-new";
}

struct owned_descriptor
{
    explicit owned_descriptor(int fd) : value(fd) {}
    ~owned_descriptor()
    {
        if (value >= 0) close(value);
    }
    owned_descriptor(const owned_descriptor&) = delete;
    owned_descriptor& operator=(const owned_descriptor&) = delete;

    const int value;
};

// A new file appears whole or not at all: it is made beside its place, and renamed when all of it is durable. What
// stands in its place stays there until then: that the ledger was corrupt must not be forgotten on a full disk.
void make_fresh(const std::string& path, const schema& as, journal j, bool corrupt = false,
                const beginning& begin = nullptr)
{
    std::string fresh = fresh_copy(path);
    std::remove(fresh.c_str());
    remove_beside(fresh);
    const owned_descriptor fd{open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (fd.value < 0) refuse_unwritable(path, as, errno);
    {
        // It is nobody's file yet: it is made durable once, as a whole, and not step by step.
        database db = open_alone(fresh, j);
        db.execute("PRAGMA synchronous = OFF");
        migrate(db, as);
        if (begin) begin(db, corrupt);
        db.use(j);
    }
    if (fsync(fd.value) != 0) refuse_unwritable(path, as, errno);
}

void put_in_place(const std::string& path, const schema& as)
{
    for (const std::string& place : {fresh_copy(path), path}) remove_beside(place);
    if (std::rename(fresh_copy(path).c_str(), path.c_str()) != 0) refuse_unwritable(path, as, errno);
}

// It keeps its name until another file takes that: if the process ended in between, the next one would find none, and
// not know that there was a corrupt one. Where a file cannot have two names, it is moved.
void move_aside(const std::string& path, const schema& as)
{
    remove_beside(path);
    const std::string copy = corrupt_copy(path);
    std::remove(copy.c_str());
    if (link(path.c_str(), copy.c_str()) == 0) return;
    if (std::rename(path.c_str(), copy.c_str()) != 0) refuse_unwritable(path, as, errno);
}

// Throws failure if the file is damaged where its opening can see it. A check of every page would take minutes for a
// large file; a damaged page further in is found when it is read, and the file is replaced then.
void look_into(const std::string& path, const schema& as, journal j, bool has_log)
{
    database db = open_alone(path, j);
    auto version = db.integer("PRAGMA user_version");
    if (version > as.version())
        throw refused{std::string(as.what) + " " + path + " was written by a newer callcache (schema " +
                      std::to_string(version) + ", this one knows " + std::to_string(as.version()) +
                      "). It was not touched. Ways out: run the newer callcache, or choose another file with " +
                      std::string(as.choose)};
    if (version < 1) throw failure(SQLITE_CORRUPT, "no schema in the file");
    migrate(db, as);
    for (const char* probe : as.probes)
        if (db.integer(probe) < 1) throw failure(SQLITE_CORRUPT, "rows are missing");
    if (as.sealed) as.sealed->check(db, has_log);
    db.use(j);
}

// In what way our own file seems to be corrupt, or nothing. Throws `refused` for one that cannot be opened.
std::optional<std::string> seeming_damage(const std::string& path, const schema& as, journal j, bool has_log)
{
    try
    {
        look_into(path, as, j, has_log);
        return std::nullopt;
    }
    catch (const failure& f)
    {
        // A damaged list of tables is an error of the statement; so is a schema's step that was taken before.
        bool is_damage = f.is_corruption() || f.primary() == SQLITE_ERROR || f.primary() == SQLITE_CONSTRAINT;
        if (is_damage) return f.what();
        throw refused{"cannot open " + std::string(as.what) + " " + path + ": " + f.what()};
    }
}

bool can_be_read(const std::string& path)
{
    const owned_descriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::vector<char> room(1 << 20);
    ssize_t size = -1;
    while (fd.value >= 0 && (size = read(fd.value, room.data(), room.size())) > 0) continue;
    return size == 0;
}

// The same, and it is. SQLite says "corrupt" too where a part of the list of tables cannot be read. So all of the file
// must be readable, and a second look must find the same.
std::optional<std::string> damage_of(const std::string& path, const schema& as, journal j)
{
    struct stat log;
    bool has_log = stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
    if (!seeming_damage(path, as, j, has_log)) return std::nullopt;
    if (!can_be_read(path))
        throw refused{"cannot read " + std::string(as.what) + " " + path + ": " + std::strerror(errno)};
    return seeming_damage(path, as, j, has_log);
}

}  // namespace

std::string corrupt_copy(const std::string& path)
{
    return path + "-corrupt";
}

void prepare_file(const std::string& path, const schema& as, journal j,
                  const std::function<void(const std::string&)>& warn, const beginning& begin)
{
    std::string what(as.what), choose(as.choose);
    struct stat info;
    if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
        throw refused{what + " " + path + " is not a file. Choose another with " + choose + ", or " +
                      choose.substr(0, choose.size() - 4) + ":memory:"};
    auto kind = kind_of(path, as);
    if (!kind) refuse_unwritable(path, as, errno);
    if (*kind == file_kind::foreign)
        throw refused{path + " is not " + std::string(as.one) + "; it was not touched. Choose another file with " +
                      choose};
    if (*kind == file_kind::absent || (*kind == file_kind::empty && !as.sealed))
    {
        make_fresh(path, as, j, false, begin);
        return put_in_place(path, as);
    }
    // Root may write anything, and access() says so; a read-only file system says no to everybody.
    if (access(path.c_str(), R_OK | W_OK) != 0 || access(folder_of(path).c_str(), W_OK) != 0)
        refuse_unwritable(path, as, errno);
    auto damage = *kind == file_kind::empty ? "it is empty" : damage_of(path, as, j);
    if (!damage) return;
    make_fresh(path, as, j, true, begin);
    move_aside(path, as);
    put_in_place(path, as);
    warn(what + " " + path + " was corrupt (" + *damage + "); it was moved to " + corrupt_copy(path) +
         " and a new one begun");
}

void replace_file(const std::string& path, journal j, const std::string& salt,
                  const std::vector<partition_record>& partitions)
{
    make_fresh(path, cache_schema(), j);
    if (access(path.c_str(), F_OK) == 0) move_aside(path, cache_schema());
    put_in_place(path, cache_schema());
    row_writer w(path, j);
    w.begin();
    w.set_salt(salt);
    for (const partition_record& p : partitions) w.put_partition(p);
    w.commit();
}

}  // namespace callcache::sqlite
