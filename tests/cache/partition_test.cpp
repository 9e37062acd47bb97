#include "cache/partition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};
const std::string gong = "https://api.gong.io";

digest name_of(std::string salt, std::string origin, std::string_view scheme, std::string_view credential)
{
    return partitions(salt, origin, {}).of(scheme, credential)->name();
}

}  // namespace

TEST_CASE("partition: another salt, upstream, scheme or credential is another world")
{
    std::set<digest> names{
        name_of("salt", gong, "basic", "YTpi"),
        name_of("pepper", gong, "basic", "YTpi"),
        name_of("salt", "https://us-12345.api.gong.io", "basic", "YTpi"),
        name_of("salt", "http://api.gong.io", "basic", "YTpi"),
        name_of("salt", gong, "bearer", "YTpi"),
        name_of("salt", gong, "basic", "YTpj"),
        name_of("salt", gong, "basic", "ytpi"),
        name_of("salt", gong, "basic", ""),
    };
    CHECK(names.size() == 8);
}

TEST_CASE("partition: what parts origin, scheme and credential cannot be moved between them")
{
    std::set<digest> names{
        name_of("salt", gong, "basic", "x"), name_of("salt", gong + "basic", "", "x"),
        name_of("salt", gong, "", "basicx"), name_of("salt", gong, "basicx", ""),
        name_of("salt", gong, "basi", "cx"),
    };
    CHECK(names.size() == 5);
}

TEST_CASE("partition: the same is the same, also after a restart, and tells nothing of the credential")
{
    partitions all("salt", gong, {});
    partition_ptr p = all.of("basic", "YTpi");
    CHECK(all.of("basic", "YTpi") == p);
    CHECK(name_of("salt", gong, "basic", "YTpi") == p->name());
    CHECK(p->name() != sha256("YTpi"));
}

TEST_CASE("partition: is nobody's until it is enrolled, and nothing is known of it")
{
    partitions all("salt", gong, {});
    partition_ptr p = all.of("basic", "a"), q = all.of("basic", "b");
    CHECK(p->id() == 0);
    CHECK_FALSE(p->confirmed_at());
    CHECK(all.enroll(*p));
    CHECK(p->id() != 0);
    partition_id id = p->id();
    CHECK_FALSE(all.enroll(*p));
    CHECK(p->id() == id);
    CHECK(all.enroll(*q));
    CHECK(q->id() != id);
}

TEST_CASE("partition: what was kept comes back, and no id is given twice")
{
    digest name = name_of("salt", gong, "basic", "a"), refused = name_of("salt", gong, "basic", "b");
    const partition_id id = partition::id_of(name), refused_id = partition::id_of(refused);
    partitions all("salt", gong, {{id, name, t0, t0 + 1s}, {refused_id, refused, std::nullopt, t0}});
    partition_ptr p = all.of("basic", "a"), q = all.of("basic", "b"), r = all.of("basic", "c");
    CHECK(p->id() == id);
    CHECK(p->confirmed_at() == t0);
    CHECK(p->used_at() == t0 + 1s);
    CHECK_FALSE(all.enroll(*p));
    CHECK(q->id() == refused_id);
    CHECK_FALSE(q->confirmed_at());
    CHECK(all.enroll(*r));
    CHECK(r->id() != id);
    CHECK(r->id() != refused_id);
    CHECK(all.all().size() == 3);
    partition_record record = p->record();
    CHECK(record.id == id);
    CHECK(record.name == name);
    CHECK(record.confirmed_at == t0);
    CHECK(record.used_at == t0 + 1s);
}

TEST_CASE("partition: a confirmation never moves back, and a refusal ends it at once")
{
    partition p(digest{});
    p.confirm(t0);
    p.confirm(t0 - 1s);
    CHECK(p.confirmed_at() == t0);
    p.confirm(t0 + 1s);
    CHECK(p.confirmed_at() == t0 + 1s);
    p.refuse(t0 + 2s);
    CHECK_FALSE(p.confirmed_at());
    p.confirm(t0 + 3s);
    CHECK(p.confirmed_at() == t0 + 3s);
}

TEST_CASE("partition: of an acceptance and a refusal, the word on the request that was sent later counts")
{
    partition p(digest{});
    p.confirm(t0);
    p.refuse(t0 + 2s);
    p.confirm(t0 + 1s);  // sent before the refused one, and answered after it
    CHECK_FALSE(p.confirmed_at());
    p.confirm(t0 + 5s);
    p.refuse(t0 + 4s);
    CHECK(p.confirmed_at() == t0 + 5s);
}

TEST_CASE("partition: a confirmation from the future gives way once the clock is right")
{
    partition p(digest{});
    p.confirm(t0 + 365 * 24h);
    p.confirm(t0);
    CHECK(p.confirmed_at() == t0);
}

TEST_CASE("partition: its id is made from its name, so that no other can ever have it")
{
    partitions before("salt", gong, {}), after("salt", gong, {});  // the second has lost every row
    partition_ptr a = before.of("basic", "a"), b = after.of("basic", "b"), again = after.of("basic", "a");
    before.enroll(*a);
    after.enroll(*b);
    after.enroll(*again);
    CHECK(a->id() > 0);
    CHECK(a->id() != b->id());
    CHECK(a->id() == again->id());
}

TEST_CASE("partitions: strangers are bounded, and do not push out whoever is enrolled or in use")
{
    partitions all("salt", gong, {});
    partition_ptr enrolled = all.of("basic", "enrolled"), in_use = all.of("basic", "in use");
    all.enroll(*enrolled);
    partition_id id = enrolled->id();
    enrolled.reset();
    for (int i = 0; i < 10'000; ++i) all.of("basic", "stranger " + std::to_string(i));
    CHECK(all.all().size() <= 2050);
    CHECK(all.of("basic", "enrolled")->id() == id);
    CHECK(all.of("basic", "in use") == in_use);
}

TEST_CASE(
    "partitions: accepted tokens are bounded too; those used longest ago are forgotten, and no other's id is theirs")
{
    partitions all("salt", gong, {});
    partition_ptr in_use = all.of("bearer", "in use");
    all.enroll(*in_use);
    auto token = [&](int n) { return all.of("bearer", "token " + std::to_string(n)); };
    partition_id first = 0;
    for (int n = 0; n < 5'000; ++n)
    {
        partition_ptr p = token(n);
        all.enroll(*p);
        p->use(from_micros(1 + n));
        p->confirm(from_micros(1 + n));
        if (n == 0) first = p->id();
    }
    CHECK(all.all().size() <= 2050);
    CHECK(all.of("bearer", "in use") == in_use);
    CHECK(token(4'999)->confirmed_at());
    partition_ptr forgotten = token(0);
    CHECK(forgotten->id() == 0);
    CHECK_FALSE(forgotten->confirmed_at());
    all.enroll(*forgotten);
    CHECK(forgotten->id() == first);
}

TEST_CASE("partition: the keys of a company share one partition beside their own; nobody else has it")
{
    partitions all("salt", gong, {}, {"one", "two"});
    partition_ptr one = all.of("basic", "1", "one"), two = all.of("basic", "2", "two");
    REQUIRE(one->company());
    CHECK(one->company() == two->company());
    CHECK(one->company() != one);
    CHECK(one->name() != two->name());
    CHECK(one->company()->id() != 0);
    CHECK(all.of("basic", "1", "one")->company() == one->company());
    CHECK_FALSE(all.of("basic", "3", "three")->company());
    CHECK_FALSE(all.of("basic", "4")->company());
    CHECK_FALSE(all.of("basic", "5", "on")->company());
    CHECK_FALSE(one->company()->company());
    CHECK_FALSE(partitions("salt", gong, {}).of("basic", "1", "one")->company());
}

TEST_CASE("partition: the company's is the same after a restart, and another behind another upstream or first key")
{
    auto company = [](std::string salt, std::string origin, std::vector<std::string> keys) {
        return partitions(salt, origin, {}, keys).of("basic", "1", keys.back())->company()->name();
    };
    partitions before("salt", gong, {}, {"one"});
    partition_ptr kept = before.of("basic", "1", "one")->company();
    partitions after("salt", gong, {kept->record()}, {"one"});
    CHECK(after.of("basic", "1", "one")->company()->id() == kept->id());
    std::set<digest> names{
        company("salt", gong, {"one", "two"}),
        company("pepper", gong, {"one", "two"}),
        company("salt", "https://us-12345.api.gong.io", {"one", "two"}),
        company("salt", gong, {"two", "one"}),
        company("salt", gong, {"three"}),
    };
    CHECK(names.size() == 5);
    CHECK(names.contains(company("salt", gong, {"one"})));
    CHECK(names.contains(company("salt", gong, {"one", "three"})));
}

TEST_CASE("partitions: a further one knows where its credential has its calls, once the credential was seen")
{
    partitions all("salt", "https://api.gong.io", {});
    partition_ptr transcripts = all.further("POST /v2/calls/transcript", "basic", "a");
    CHECK(transcripts != all.further("POST /v2/calls/extensive", "basic", "a"));
    CHECK(transcripts == all.further("POST /v2/calls/transcript", "basic", "a"));
    CHECK(all.calls_of(*transcripts) == nullptr);
    partition_ptr calls = all.of("basic", "a"), other = all.of("basic", "b");
    CHECK(all.calls_of(*transcripts) == calls);
    CHECK(all.calls_of(*all.further("POST /v2/calls/transcript", "basic", "b")) == other);
    CHECK(all.calls_of(*calls) == nullptr);
}
