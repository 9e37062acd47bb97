// A ledger whose writes become durable at once, or when the test releases them.
#pragma once

#include "cache/ledger.hpp"

#include <utility>
#include <vector>

namespace callcache::test
{

// As a process leaves it that has stopped well: nothing waits for what may still be on its way.
inline ledger_page after_a_clean_stop()
{
    ledger_page p;
    p.clean = true;
    return p;
}

class scripted_ledger final : public ledger
{
public:
    explicit scripted_ledger(ledger_page kept) : kept_(std::move(kept)) {}
    const ledger_page& kept() const override { return kept_; }
    void write(ledger_page p, written done) override
    {
        ++pages;
        merge(content, p);
        waiting_.push_back(std::move(done));
        if (!is_slow) release();
    }
    void release() { release(state); }
    void release(ledger_state how)
    {
        for (const written& done : std::exchange(waiting_, {})) done(how);
    }

    bool is_slow = false;
    ledger_state state = ledger_state::durable;
    int pages = 0;  // that were written
    ledger_page content;

private:
    const ledger_page kept_;
    std::vector<written> waiting_;
};

}  // namespace callcache::test
