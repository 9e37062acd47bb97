// Opening our files: every way in which that can go wrong has a line for the operator.
#pragma once

#include "cache/partition.hpp"
#include "cache/schema.hpp"

#include <functional>
#include <string>
#include <vector>

namespace callcache::sqlite
{

// The operator's line: the file cannot be opened, why, and the ways out.
struct refused
{
    std::string text;
};

// What a new file begins with, before it stands in its place. `corrupt`: in the place of one that was.
using beginning = std::function<void(database&, bool corrupt)>;

// Leaves a sound file of ours, of the current schema and with that journal, at `path`: makes it if nothing is there,
// migrates an older one, moves our own corrupt one aside. Throws `refused` for one that is not ours, is of a newer
// schema, or cannot be written. Throws `failure` for other errors of SQLite. REQUIRES:
// the caller holds the lock on it.
void prepare_file(const std::string& path, const schema&, journal, const std::function<void(const std::string&)>& warn,
                  const beginning& = nullptr);

// Moves the database aside, if there is one, and puts a new one in its place, with the same salt and partitions.
void replace_file(const std::string& path, journal, const std::string& salt, const std::vector<partition_record>&);

// Where a corrupt file is moved to; one copy at most.
std::string corrupt_copy(const std::string& path);

}  // namespace callcache::sqlite
