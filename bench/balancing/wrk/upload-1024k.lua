-- A body of 1024 KiB goes up with every request.
wrk.method = "POST"
wrk.path = "/up"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", 1024 * 1024)
