// A simulated vendor beside a running program.
#pragma once

#include "tests/sim/vendor.hpp"

#include <functional>
#include <thread>

namespace callcache::test
{

// A simulated vendor on a thread of its own, by the machine's clock.
class vendor_thread
{
public:
    explicit vendor_thread(sim::vendor_options);
    ~vendor_thread();

    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::size_t requests();
    std::size_t refused();
    std::vector<std::string> heads();                          // of every request so far, as it came
    void tell(const std::function<void(sim::vendor&)>& what);  // on its thread; returns once that is done
    const sim::call_catalogue& catalogue() const { return vendor_->catalogue(); }

private:
    template<class Question>
    auto ask(Question);

    asio::io_context loop_{1};
    asio::executor_work_guard<executor> work_ = asio::make_work_guard(loop_);  // also while the vendor is down
    std::unique_ptr<clock_source> clock_;
    std::unique_ptr<sim::vendor> vendor_;
    std::uint16_t port_;
    std::thread thread_;
};

}  // namespace callcache::test
