// Questions to the file system: what a path leads to, and where it lies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace callcache
{

// The number of the file system (statfs(2), f_type) that a file lies on, or would if it were made; 0 if that cannot be
// asked.
std::uint32_t file_system_at(const std::string& path);

// How many bytes the file system of a file has left for it; the greatest number if that cannot be asked.
std::uint64_t free_bytes_at(const std::string& path);

// True only if it is certain that nothing is at the path. False where the system cannot say (a folder that may not be
// read, a file server that does not answer, links in a circle): what is open there is to be left as it is.
bool is_gone(const std::string& path);

// The folder of a path: "." for a bare name.
std::string folder_of(const std::string& path);

// A file itself, whatever it is called.
struct file_id
{
    std::uint64_t device = 0, inode = 0;
    friend bool operator==(const file_id&, const file_id&) = default;
};

// The file at a path. nullopt if there is none, or if the system cannot say; then `unknown` is set.
std::optional<file_id> file_at(const std::string& path, std::error_code& unknown);
std::optional<file_id> file_at(const std::string& path);

// The file that a descriptor has open. nullopt: errno says why.
std::optional<file_id> file_of(int descriptor);

// True only if it is certain that the path leads to another file by now, or to none.
bool leads_elsewhere(const std::string& path, const file_id&);

// Where a path leads to.
struct link_trail
{
    std::string end;                   // absolute, and of no symbolic link, "." or ".."; it need not exist
    std::vector<std::string> folders;  // of the links on the way
    bool is_circle = false;            // the links lead round in one, or are more than the system follows: no end
};
link_trail follow_links(const std::string& path);

}  // namespace callcache
