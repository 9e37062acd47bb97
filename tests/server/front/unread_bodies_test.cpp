#include "server/front/unread_bodies.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace callcache;

namespace
{

shared_bytes body_of(std::size_t size)
{
    auto owner = std::make_shared<const std::string>(size, 'x');
    return {*owner, owner};
}

}  // namespace

TEST_CASE("unread bodies: one that many read counts once, until the last of them has read it")
{
    unread_bodies all(100);
    const shared_bytes same = body_of(100);
    auto never = [] { FAIL("cut off"); };
    auto nothing = [] { return std::uint64_t(0); };
    auto one = all.begin(same, {}, nothing, never), two = all.begin(same, {}, nothing, never);
    CHECK(all.bytes() == 100);
    all.end(one);
    CHECK(all.bytes() == 100);
    all.end(two);
    CHECK(all.bytes() == 0);
}

TEST_CASE("unread bodies: beyond the bound those that have been reading longest are cut off, and the newcomer never")
{
    unread_bodies all(100);
    std::string cut;
    auto begin = [&](char name, const shared_bytes& body) {
        return all.begin(
            body, {}, [] { return std::uint64_t(0); }, [&cut, name] { cut += name; });
    };
    const shared_bytes shared = body_of(40), second = body_of(50), third = body_of(30), fourth = body_of(1000);
    auto a = begin('a', shared), b = begin('b', second), c = begin('c', shared);
    CHECK(cut.empty());
    auto d = begin('d', third);  // `a` frees nothing, as `c` reads the same
    CHECK(cut == "ab");
    CHECK(all.bytes() == 70);
    all.end(a);
    CHECK(all.bytes() == 70);
    auto e = begin('e', fourth);
    CHECK(cut == "abcd");
    CHECK(all.bytes() == 1000);
    for (auto left : {b, c, d, e}) all.end(left);
    CHECK(all.bytes() == 0);
}

TEST_CASE("unread bodies: one whose tool goes on reading stays, and those that take nothing are cut off before it")
{
    using namespace std::chrono_literals;
    unread_bodies all(100);
    std::string cut;
    std::uint64_t read = 0;
    steady_time now{};
    std::vector<unread_bodies::place> places;
    std::vector<shared_bytes> bodies;
    auto begin = [&](char name, bool reads) {
        bodies.push_back(body_of(40));
        places.push_back(all.begin(
            bodies.back(), now, [&read, reads] { return reads ? read : 7; }, [&cut, name] { cut += name; }));
    };
    begin('a', true);
    begin('b', false);
    for (char name : {'c', 'd', 'e'})
    {
        now += 1s;
        read += 10;
        begin(name, false);
    }
    CHECK(cut == "bcd");
    for (auto p : places) all.end(p);
    CHECK(all.bytes() == 0);
}
