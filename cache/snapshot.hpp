// A copy of a database, also of one that a callcache is running on.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace callcache
{

struct snapshot_taken
{
    std::uint64_t entries = 0, bytes = 0;
};

// Copies what is written in the database at `path` to a new file, in one read of it as it stands: what was purged is
// not in the copy. The file is the owner's alone, and is whole or empty; one that exists is not touched.
//
// With a WAL nobody waits for it. Without one (see journal.hpp) nothing is written to the database meanwhile.
std::variant<snapshot_taken, std::string> take_snapshot(const std::string& path, const std::string& to);

}  // namespace callcache
