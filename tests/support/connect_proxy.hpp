// A company's proxy for tests of `upstream.proxy`.
#pragma once

#include "tests/sim/vendor.hpp"

namespace callcache::test
{

// A company's proxy on loopback: it answers CONNECT, and every way leads to one port here, whatever name was asked for.
// One loop's thread.
class connect_proxy
{
public:
    connect_proxy(executor, std::uint16_t leads_to);
    ~connect_proxy();

    std::uint16_t port() const;

    // "http://127.0.0.1:3128", or with a login as it stands in a URL.
    std::string url(const std::string& login = "") const;

    // What it answers from now on; `keep`: then the way is open.
    void script(sim::scripted);

    const std::vector<std::string>& heads() const;  // of every request, as it came

    struct state;

private:
    std::shared_ptr<state> state_;
};

}  // namespace callcache::test
