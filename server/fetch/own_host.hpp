// Many companies have an API host of their own at Gong. The general one answers some of them with a redirect to it, and
// others with 401 or 403. So the log says how to set it: once for each of these signs.
#pragma once

#include "config/address.hpp"
#include "server/upstream/answer.hpp"

#include <string>
#include <utility>

namespace callcache
{

// The origin that a redirect leads to, such as "https://us-12345.api.gong.io", if it is another one than `from`; empty
// if it is not, and of any other answer.
std::string redirects_to(const upstream_answer&, const origin& from);

// "your company may have an API host of its own …": what is set, and how another one is.
std::string own_host_hint(const origin& now);

// Pure; one thread. Each returns true once: it is to be said now.
class own_host_signs
{
public:
    bool hear_401() { return !std::exchange(said_401_, true); }

    // True of the third 403 while nothing has been answered 200.
    bool hear_403() { return !accepted_ && ++forbidden_ == forbidden_max; }
    void hear_200() { accepted_ = true; }

    // `host` as by redirects_to(). True again for another one.
    bool hear_redirect(const std::string& host) { return std::exchange(redirected_to_, host) != host; }

private:
    static constexpr int forbidden_max = 3;

    bool said_401_ = false, accepted_ = false;
    int forbidden_ = 0;
    std::string redirected_to_;
};

}  // namespace callcache
