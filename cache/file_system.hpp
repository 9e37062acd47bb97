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

// True if surely nothing is at the path. Where the system does not say (a folder that may not be read, a file server
// that does not answer, links in a circle) it is false: what is open there is to be left as it is.
bool is_gone(const std::string& path);

// The folder of a path: "." for a bare name.
std::string folder_of(const std::string& path);

// A file itself, whatever it is called.
struct file_id
{
    std::uint64_t device = 0, inode = 0;
    friend bool operator==(const file_id&, const file_id&) = default;
};

// What a path leads to: nothing if nothing is there, or `unknown` is set, where the system does not say.
std::optional<file_id> file_at(const std::string& path, std::error_code& unknown);
std::optional<file_id> file_at(const std::string& path);

// What is open there. Nothing: errno says why.
std::optional<file_id> file_of(int descriptor);

// Where a path leads to.
struct link_trail
{
    std::string end;                   // absolute, and of no symbolic link, "." or ".."; it need not exist
    std::vector<std::string> folders;  // of the links on the way
    bool is_circle = false;            // the links lead round in one, or are more than the system follows: no end
};
link_trail follow_links(const std::string& path);

}  // namespace callcache
