// The tables of our files, and whether a file is ours to open.
#pragma once

#include "cache/sqlite.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace callcache::sqlite
{

// An account that a file keeps of all that it holds. Both throw failure.
struct seal
{
    int since;                               // the version of the schema that brought it
    void (*put)(database&);                  // over what a new or an older file holds
    void (*check)(database&, bool has_log);  // that it holds nothing else; `has_log`: it was found with a WAL
};

// What is in a file of ours.
struct schema
{
    std::string_view what;                // "the database"
    std::string_view one;                 // "a callcache database"
    std::string_view choose;              // how an operator chooses another file; ends with FILE
    int application_id;                   // in the header of every such file
    std::span<const char* const> steps;   // step n brings version n to version n + 1
    std::span<const char* const> probes;  // each gives a number above zero, unless the file is damaged
    const seal* sealed = nullptr;         // null: it keeps no such account, and an empty file is as good as none

    int version() const { return int(steps.size()); }
};

const schema& cache_schema();
const schema& ledger_schema();

enum class file_kind
{
    absent,   // nothing there
    empty,    // a file without a byte: nobody's, or what is left of ours
    ours,     // by the application id in its header
    foreign,  // anything else: never touched
};

// Reads the file's header alone, without SQLite. Nothing if it cannot be read.
std::optional<file_kind> kind_of(const std::string& path, const schema&);

// Creates the tables in a new file, or brings an older schema up to date, in one transaction.
// REQUIRES: user_version is at most the schema's. Throws failure.
void migrate(database&, const schema&);

}  // namespace callcache::sqlite
