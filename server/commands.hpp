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

int health(const settings&);
int resume(const settings&);

}  // namespace callcache
