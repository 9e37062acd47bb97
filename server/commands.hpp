// The commands of the program, each in a file of its own. They return the exit code: 0 done, 1 refused or failed.
#pragma once

#include "config/load.hpp"

namespace callcache
{

int serve(const settings&);

struct check_wishes
{
    bool live = false;          // ask the vendor too
    std::string id;             // the call to look up; empty: one of the last day
    std::string authorization;  // with `forward`: the credential to ask with; empty: there is none
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
int resume(const settings&);
int stats(const settings&, bool watching);  // watching: until it is interrupted, or nobody reads any more

}  // namespace callcache
