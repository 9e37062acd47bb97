// The tables of the database, and whether a file is ours to open.
#pragma once

#include "cache/sqlite.hpp"

#include <optional>
#include <string>

namespace callcache::sqlite
{

inline constexpr int application_id = 0x43436163;  // "CCac", in the header of every file of ours
inline constexpr int schema_version = 1;

enum class file_kind
{
    absent,   // nothing there, or an empty file
    ours,     // by the application id in its header
    foreign,  // anything else: never touched
};

// Reads the file's header alone, without SQLite. Nothing if it cannot be read.
std::optional<file_kind> kind_of(const std::string& path);

// Creates the tables in a new file, or brings an older schema up to date, in one transaction.
// REQUIRES: user_version is at most schema_version. Throws failure.
void migrate(database&);

}  // namespace callcache::sqlite
