// A key that was withdrawn at the vendor must stop reading here too, and the vendor does not tell. So each credential
// is trusted for `credentials.trust` after the vendor accepted it. From 80 % on a hit renews that in the background, so
// that a tool in use never waits; only beyond twice the time does a request wait for the vendor's word. While the
// vendor cannot be asked (an outage, a spent budget) the trust lasts `cache.calls.stale_if_error` longer, and no more.
//
// Offline the vendor is never asked, so how long ago it was does not count; but that it was does: who only knows the
// name of a company's key reads nothing of what its keys share.

#include "cache/trust.hpp"

namespace callcache
{

trust trust_at(std::optional<wall_time> confirmed_at, wall_time now, const settings& s)
{
    if (!confirmed_at) return trust::none;
    if (s.mode == run_mode::offline) return trust::good;
    duration age = now - *confirmed_at;  // a little below zero after the clock was set back: as good as new
    if (age < -clock_error_min) return trust::ask;
    duration lasts = s.credentials.trust;
    if (age < lasts / 10 * 8) return trust::good;
    if (age < lasts * 2) return trust::renew;
    if (age < lasts * 2 + duration(s.cache.calls.stale_if_error)) return trust::ask;
    return trust::none;
}

}  // namespace callcache
