// What a question of a front leads to: a flight, a refusal, or an answer from what is kept. Fetch loop only.
#pragma once

#include "server/fetch/forecast.hpp"
#include "server/fetch/miss_path.hpp"

#include <optional>

namespace callcache
{

// Joins the flight for it, or begins one. `done` null: a refresh.
void ask(miss_path&, lookup, answered done);

// Why no flight is begun for it, or nothing. What is kept may serve all the same.
std::optional<looked_up> refused(const miss_path&, const lookup&);

// What would become of it now.
forecast forecast_of(const miss_path&, const lookup&);

}  // namespace callcache
