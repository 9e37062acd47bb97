// Waiting for what other threads say.
#pragma once

#include <future>
#include <memory>

namespace callcache::test
{

// The value that an operation on other threads calls back with: `start(done)`.
template<class T, class Start>
T wait_for(Start start)
{
    auto promise = std::make_shared<std::promise<T>>();
    auto value = promise->get_future();
    start([promise](T v) { promise->set_value(std::move(v)); });
    return value.get();
}

}  // namespace callcache::test
