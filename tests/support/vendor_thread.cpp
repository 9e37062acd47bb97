#include "tests/support/vendor_thread.hpp"

#include "server/async/system_clock.hpp"

#include <future>

namespace callcache::test
{

vendor_thread::vendor_thread(sim::vendor_options o) : clock_(std::make_unique<system_clock>())
{
    vendor_ = std::make_unique<sim::vendor>(loop_.get_executor(), std::move(o), *clock_);
    port_ = vendor_->port();
    thread_ = std::thread([this] { loop_.run(); });
}

vendor_thread::~vendor_thread()
{
    loop_.stop();
    thread_.join();
    vendor_.reset();
}

template<class Question>
auto vendor_thread::ask(Question question)
{
    std::promise<decltype(question())> promise;
    asio::post(loop_, [&] { promise.set_value(question()); });
    return promise.get_future().get();
}

std::size_t vendor_thread::requests()
{
    return ask([this] { return vendor_->requests(); });
}

std::vector<std::string> vendor_thread::heads()
{
    return ask([this] { return std::vector<std::string>(vendor_->heads()); });
}

void vendor_thread::tell(const std::function<void(sim::vendor&)>& what)
{
    ask([&] { return what(*vendor_), true; });
}

std::size_t vendor_thread::refused()
{
    return ask([this] { return vendor_->refused(); });
}

}  // namespace callcache::test
