import statistics

data = [2.5, 3.25, 5.5, 11.25, 11.75, 3.25]
print(statistics.mean(data), statistics.median(data), statistics.mode(data), statistics.stdev(data), statistics.pvariance(data))
print(statistics.quantiles(data), statistics.correlation(data, data[::-1]), statistics.linear_regression([1, 2, 3], [2, 4, 7]))
print(statistics.NormalDist(0, 1).cdf(1.96), statistics.geometric_mean([1, 4]), statistics.harmonic_mean([1, 2]))
statistics.mean([])
