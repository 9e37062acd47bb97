// Sends a few requests to the vendor, one after the other, within the budget: for a command that owns the ledger for
// as long as it runs. Every rule of the budget holds as in the proxy: the window, the day, a pause that the vendor
// asked for; what is sent is written down before it is sent.
#pragma once

#include "config/settings.hpp"
#include "server/fetch/way_out.hpp"

namespace callcache
{

// One loop's thread; one request at a time.
class metered_client
{
public:
    struct parts
    {
        executor loop;
        const settings& config;
        const clock_source& clock;
        destination to;
        ledger& book;
        calendar day;
    };
    explicit metered_client(parts);

    // Writes the ledger's last page: nothing is sent any more.
    ~metered_client();

    // `line`: a connection that stands already, or null.
    void use(std::unique_ptr<transport> line) { line_ = std::move(line); }

    // Waits for its turn, at most a minute, and sends a whole message once, never again. A 429 is an answer, and its
    // pause is written down. `limited` says in its text why the budget does not allow it.
    task<upstream_result> send(std::string request, std::size_t body_max);

    budget_report report() const { return gate_.spending().report(parts_.clock.now()); }

private:
    class message;
    upstream_failure limited(const refusal&) const;

    const parts parts_;
    gate gate_;
    breaker outage_;  // of this process, which sends too little to know of one
    const way_out way_;
    std::unique_ptr<transport> line_;
    budget::item last_ = 0;
};

}  // namespace callcache
