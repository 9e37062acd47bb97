// One process for a file, the database or the ledger: a lock file beside it, held while the process lives.
#pragma once

#include "cache/file_system.hpp"

#include <string>
#include <variant>

namespace callcache
{

class file_lock
{
public:
    file_lock(file_lock&&) noexcept;
    file_lock& operator=(file_lock&&) = delete;
    ~file_lock();

    // Somebody else holds it; `by` is what they wrote into it ("process 4711, since …").
    struct held
    {
        std::string by;
    };
    // The lock file cannot be made; errno's text.
    struct unavailable
    {
        std::string why;
    };

    // For `owner`: "process 4711 on HOST". In a container each is process 1, and the host's name tells them apart.
    static std::string this_process();

    // Locks `path`, which is made with mode 0600 if it is absent, and writes `owner` into it. The kernel lets go of it
    // when the process ends, however it ends. REQUIRES: `path` is absolute.
    static std::variant<file_lock, held, unavailable> take(const std::string& path, const std::string& owner);

    // True if the path surely leads to another file by now, or to none: then somebody else can lock it. Any thread.
    bool is_lost() const;
    const std::string& path() const { return path_; }

private:
    file_lock(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

    std::string path_;
    int descriptor_;
    file_id file_{};
};

}  // namespace callcache
