#include "cache/write_queue.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};
const entry_key key(key_view{1, "7"});

entry_ptr sent(wall_time at)
{
    auto e = std::make_shared<entry>();
    e->sent_at = at;
    return e;
}

}  // namespace

TEST_CASE("write queue: a drop of an older entry does not bring back what the drop of its name has taken")
{
    write_queue q(1 << 20, 1);
    q.put(key, sent(t0 + 5s));
    auto written = q.take();
    q.written(written);
    q.drop_name("7", {});
    q.drop(key, t0);
    REQUIRE(q.find(key));
    CHECK(q.find(key)->settles());
    CHECK_FALSE(q.find(key)->kept);
    auto drops = q.take();
    CHECK(q.find(key)->settles());
    q.written(drops);
    CHECK_FALSE(q.find(key));
}

TEST_CASE("write queue: what is put after the drop of its name is found")
{
    write_queue q(1 << 20, 1);
    q.drop_name("7", {});
    q.put(key, sent(t0));
    REQUIRE(q.find(key));
    CHECK(q.find(key)->kept);
}
