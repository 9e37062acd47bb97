// The commands of the program, each in a file of its own. They return the exit code: 0 done, 1 refused or failed.
#pragma once

#include "config/load.hpp"

namespace callcache
{

int serve(const settings&);
int check(const settings&);
int health(const settings&);
int resume(const settings&);

}  // namespace callcache
