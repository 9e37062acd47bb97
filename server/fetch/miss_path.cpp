#include "server/fetch/miss_path.hpp"

#include "server/fetch/send.hpp"
#include "server/fetch/settle.hpp"

namespace callcache
{

namespace
{

// Two connections are lookups' own.
std::size_t relays_max(const settings& s)
{
    return std::max<std::size_t>(s.upstream.connections_max, 3) - 2;
}

void say_ledger_late(log& out, bool is_late)
{
    if (is_late)
        out.warn(
            "the budget's ledger does not answer: its disk hangs. What is spent is counted in memory, and would be "
            "forgotten if callcache ended now");
    else
        out.info("the budget's ledger answers again");
}

}  // namespace

miss_path::miss_path(const fetcher_parts& p) :
    parts(p),
    permits({p.loop, p.config->budget, p.config->bulk.ids_max, p.clock, p.book, p.day, relays_max(*p.config),
             [this](fair_queue::item i, const asking& who, refusal why) { on_refused(*this, i, who, std::move(why)); },
             [&out = p.out](bool is_late) { say_ledger_late(out, is_late); }}),
    pool({.vendor = p.upstream, .proxy = parse_proxy(p.config->upstream.proxy), .tls = p.tls, .own = p.own},
         p.config->upstream, p.clock, p.loop),
    way(permits, outage, p.clock),
    flights([&kept = p.kept](const std::string& id, epoch_ticket t) { return kept.still_holds(id, t); }),
    newcomers(p.config->budget, p.clock.steady()),
    bulk(p.config->bulk),
    stretch_again(p.loop, p.clock),
    pause_is_over(p.loop, p.clock)
{}

task<void> run_flight(miss_path_ptr path, flight_ptr f, task<void> what)
{
    try
    {
        co_await std::move(what);
    }
    catch (const std::exception& mistake)
    {
        path->parts.out.error("a mistake in callcache", {{"what", mistake.what()}});
        fail(*path, *f, upstream_failure{upstream_failure::kind::lost, "a mistake in callcache"});
    }
}

}  // namespace callcache
