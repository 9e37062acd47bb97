#include "server/fetch/disk_in_time.hpp"

#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <deque>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

// A store that answers nothing until the test lets it.
class hung_store final : public store
{
public:
    const std::string& salt() const override { return salt_; }
    const std::vector<partition_record>& kept_partitions() const override { return none_; }
    erasure_record kept_erasure() const override { return {}; }
    void find(const entry_key&, found done) override { finds.push_back(std::move(done)); }
    void put(const entry_key&, entry_ptr) override {}
    void drop(const entry_key&, wall_time) override {}
    void drop_name(const std::string&, written done) override { writes.push_back(std::move(done)); }
    void drop_all(written done) override { writes.push_back(std::move(done)); }
    void put_erasure(const erasure_record&, written done) override { writes.push_back(std::move(done)); }
    void touch(std::vector<entry_key>, wall_time) override {}
    void put_partition(const partition_record&, written) override {}
    state current() const override { return {}; }

    std::deque<found> finds;
    std::deque<written> writes;

private:
    std::string salt_ = "salt";
    std::vector<partition_record> none_;
};

struct harness
{
    hung_store* disk = new hung_store;
    tiers kept{1 << 20, std::unique_ptr<store>(disk)};
    partitions known{"salt", "https://api.gong.io", {}};
    partition_ptr whose = known.of("basic", "a");
    sim_clock clock;
    asio::io_context loop{1};
    std::optional<std::optional<bool>> purged;

    harness() { known.enroll(*whose); }

    void purge(std::vector<std::string> names)
    {
        auto question = [](harness& h, std::vector<std::string> all) -> task<void> {
            std::optional<bool> durable = co_await purge_in_time(h.kept, all, h.clock);
            h.purged.emplace(durable);
        };
        asio::co_spawn(loop, question(*this, std::move(names)), asio::detached);
        settle();
    }
    void settle()
    {
        loop.restart();
        while (loop.poll() > 0) loop.restart();
    }
    void answer(bool good)
    {
        disk->writes.front()(good);
        disk->writes.pop_front();
        settle();
    }
};

}  // namespace

TEST_CASE("purge in time: all are asked for at once, and it is durable when the last one is")
{
    for (bool good : {true, false})
    {
        harness h;
        h.purge({"1", "2", "3"});
        REQUIRE(h.disk->writes.size() == 3);
        h.answer(good);
        h.answer(true);
        CHECK_FALSE(h.purged);
        h.answer(true);
        REQUIRE(h.purged);
        CHECK(*h.purged == std::optional(good));
    }
}

TEST_CASE("purge in time: nothing to purge is durable")
{
    harness h;
    h.purge({});
    REQUIRE(h.purged);
    CHECK(*h.purged == std::optional(true));
}

TEST_CASE("purge in time: a disk that hangs holds nobody for longer than two seconds, whatever it answered before")
{
    harness h;
    h.purge({"1", "2", "3"});
    h.answer(true);
    h.clock.advance(disk_patience);
    h.settle();
    REQUIRE(h.purged);
    CHECK(*h.purged == std::nullopt);
    h.answer(true);
    h.answer(true);
}

TEST_CASE("find in time: what a disk that hangs finds at last is in memory for the next one who asks")
{
    harness h;
    std::optional<std::optional<entry_ptr>> found;
    bool answers = false;
    auto question = [&]() -> task<void> {
        auto e = co_await find_in_time(h.kept, h.whose, "1", h.clock, [&] { answers = true; });
        found.emplace(e);
    };
    asio::co_spawn(h.loop, question(), asio::detached);
    h.settle();
    REQUIRE(h.disk->finds.size() == 1);
    CHECK_FALSE(found);
    h.clock.advance(disk_patience);
    h.settle();
    REQUIRE(found);
    CHECK(*found == std::nullopt);
    CHECK_FALSE(answers);
    auto e = std::make_shared<entry>();
    e->body = "body";
    h.disk->finds.front()(e);
    CHECK(answers);
    CHECK(h.kept.find_in_memory(*h.whose, "1") == e);
}

TEST_CASE("find in time: one that stands behind others which the disk answers is waited for, until it answers none")
{
    harness h;
    std::optional<std::optional<entry_ptr>> found;
    bool moves = true;
    auto question = [&]() -> task<void> {
        auto e = co_await find_in_time(
            h.kept, h.whose, "1", h.clock, [] {}, [&] { return moves; });
        found.emplace(e);
    };
    asio::co_spawn(h.loop, question(), asio::detached);
    h.settle();
    for (int n = 0; n < 3; ++n)
    {
        h.clock.advance(disk_patience);
        h.settle();
        CHECK_FALSE(found);
    }
    SUBCASE("it is answered")
    {
        h.disk->finds.front()(nullptr);
        h.settle();
        REQUIRE(found);
        CHECK(*found == entry_ptr());
        h.clock.advance(disk_patience);
        h.settle();
    }
    SUBCASE("no read ends any more")
    {
        moves = false;
        h.clock.advance(disk_patience);
        h.settle();
        REQUIRE(found);
        CHECK(*found == std::nullopt);
        h.disk->finds.front()(nullptr);
    }
}
