// What the fetcher works with. All of it outlives it.
#pragma once

#include "cache/ledger.hpp"
#include "cache/partition.hpp"
#include "cache/tiers.hpp"
#include "config/address.hpp"
#include "config/live_settings.hpp"
#include "server/async/clock.hpp"
#include "server/budget/budget.hpp"
#include "server/telemetry/log.hpp"

#include <memory>

namespace boost::asio::ssl
{
class context;
}

namespace callcache
{

struct fetcher_parts
{
    executor loop;
    const live_settings& config;
    origin upstream;
    std::shared_ptr<asio::ssl::context> tls;
    tiers& kept;
    partitions& known;
    const clock_source& clock;
    callcache::log& out;
    ledger& book;
    calendar day;  // budget.day
};

}  // namespace callcache
