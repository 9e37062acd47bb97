// The commands of the program, each in a file of its own. They return the exit code: 0 done, 1 refused or failed.
#pragma once

#include "config/load.hpp"
#include "server/admin/purge_order.hpp"

#include <functional>
#include <map>

namespace callcache
{

// `read_again`: for a reload, as at the start.
int serve(const settings&, const std::function<loaded_settings()>& read_again);

struct check_wishes
{
    bool all = false;                           // print the keys with their defaults too
    std::map<std::string, std::string> set_by;  // sources_of() the settings
    bool live = false;                          // ask the vendor too
    std::string id;                             // the call to look up; empty: one of the last day
    std::string authorization;                  // with `forward`: the credential to ask with; empty: there is none
};
int check(const settings&, const check_wishes&);

// The dates are good, and in order.
struct warm_wishes
{
    std::string from, to;       // as they were typed; the end is not part of the range
    std::string workspace;      // empty: all
    std::string cursor_file;    // empty: named after the range, in the working folder
    std::string access_key;     // whose calls they are; empty: the one that callcache injects
    std::string authorization;  // empty: none
};
int warm(const settings&, const warm_wishes&);

int health(const settings&);

// These talk to a running callcache.
int resume(const settings&);
int reload(const settings&);
int purge(const settings&, const purge_order&);

struct explain_wishes
{
    std::string id;    // of a call; or the path of a kept route
    std::string tool;  // who would ask; empty: nobody in particular
};
int explain(const settings&, const explain_wishes&);

// Copies the database to `file`, which must not exist; callcache may be running.
int snapshot(const settings&, const std::string& file);
int stats(const settings&, bool watching);  // watching: until it is interrupted, or nobody reads any more

}  // namespace callcache
