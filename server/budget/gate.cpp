#include "server/budget/gate.hpp"

namespace callcache
{

gate::gate(executor ex, const budget_settings& s, const clock_source& clock, bool may_follow_another) :
    clock_(clock),
    window_(s, clock.steady(), may_follow_another),
    places_(s.burst, ex, clock)
{}

steady_time gate::expected() const
{
    return window_.next(clock_.steady(), places_.inside() + places_.waiting());
}

task<void> gate::room()
{
    for (;;)
    {
        steady_time now = clock_.steady(), next = window_.next(now);
        if (next <= now) co_return;
        co_await sleep_until(clock_, next);
    }
}

void gate::sent()
{
    window_.sent(clock_.steady());
}

}  // namespace callcache
