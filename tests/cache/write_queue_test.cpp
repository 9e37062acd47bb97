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

TEST_CASE("write queue: puts are sorted by their keys, those of one key in their order, and none passes another change")
{
    write_queue q(1 << 20, 1);
    auto put = [&](const char* name, wall_time at) { q.put(entry_key(key_view{1, name}), sent(at)); };
    put("3", t0);
    put("1", t0);
    put("3", t0 + 1s);
    put("2", t0);
    q.drop(entry_key(key_view{1, "1"}), t0);
    put("9", t0);
    put("0", t0);
    std::string order;
    auto group = q.take();
    sort_puts(group);
    for (const queued_change& c : group)
    {
        if (auto* p = std::get_if<put_change>(&c.what))
            order += p->key.name + (p->kept->sent_at == t0 ? " " : "' ");
        else
            order += "drop ";
    }
    CHECK(order == "1 2 3 3' drop 0 9 ");
}
