#include "tests/support/other_threads.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace callcache::test
{
namespace
{

// proc(5): the state is the letter behind the name, which stands in parentheses.
bool sleeps(const std::filesystem::path& thread)
{
    int file = open((thread / "stat").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;  // it has ended
    std::array<char, 512> room{};
    ssize_t size = read(file, room.data(), room.size() - 1);
    close(file);
    const char* name_ends = size > 0 ? std::strrchr(room.data(), ')') : nullptr;
    return !name_ends || std::strchr("SZX", name_ends[2]);
}

}  // namespace

bool others_sleep()
{
    const std::string self = std::to_string(gettid());
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
        if (thread.path().filename() != self && !sleeps(thread)) return false;
    return true;
}

}  // namespace callcache::test
