// Whether the test's own thread is the only one that does anything.
#pragma once

namespace callcache::test
{

// True if every other thread of this process sleeps, and not because it waits for a disk.
bool others_sleep();

}  // namespace callcache::test
