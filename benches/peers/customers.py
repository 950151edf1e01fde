"""Made-up customers for the comparison, from a fixed seed: ten columns with the shapes that customer tables have, or any
number of overlapping groups. Both are hard enough that k-means does not end within twenty iterations."""

import numpy as np
import pandas as pd

SEED = 20261122


def customers(rows):
    """An id and ten features: long-tailed counts and amounts, shares, marks from 1 to 5, and outliers."""
    draw = np.random.default_rng(SEED)
    recency = draw.integers(0, 366, rows)
    frequency = np.clip(np.round(draw.lognormal(1.5, 1.0, rows)), 1, 100)
    monetary = 10 * draw.lognormal(4.0, 1.2, rows)
    tenure = recency + draw.integers(0, 1095, rows) + np.where(frequency > 1, draw.integers(1, 100, rows), 0)
    return_rate = draw.beta(0.5, 5, rows).round(2)
    discount = draw.beta(0.8, 0.8, rows).round(2)
    pleased = draw.choice(5, rows, p=[0.05, 0.05, 0.1, 0.4, 0.4]) + 1
    annoyed = draw.choice(5, rows, p=[0.4, 0.3, 0.2, 0.05, 0.05]) + 1
    satisfaction = np.where(return_rate > 0.4, annoyed, pleased)
    minutes = np.clip(draw.lognormal(1.5, 0.5, rows) + 0.1 * frequency, 1, 120).round(1)
    calls = draw.poisson(0.5 + 2.0 * (satisfaction <= 2) + 1.5 * (return_rate > 0.3))
    engagement = draw.beta(2, 3, rows).round(3)
    outliers = draw.random(rows) < 0.025
    monetary = np.where(outliers, monetary * draw.uniform(5, 50, rows), monetary).round(2)
    frequency = np.where(outliers, np.clip(np.round(frequency * draw.uniform(2, 5, rows)), 1, 300), frequency)
    return pd.DataFrame({
        "customer_id": np.arange(1, rows + 1, dtype=np.uint64), "recency": recency, "frequency": frequency,
        "monetary": monetary, "tenure": tenure, "return_rate": return_rate, "discount_use": discount,
        "satisfaction": satisfaction, "minutes_on_site": minutes, "support_calls": calls, "engagement_rate": engagement,
    }).astype({"frequency": np.int64})


def groups(rows, features, k):
    """An id and `features` columns of k overlapping groups."""
    draw = np.random.default_rng(SEED)
    centres = draw.normal(size=(k, features))
    values = (centres[draw.integers(0, k, rows)] + draw.normal(size=(rows, features))).round(3)
    table = pd.DataFrame(values, columns=[f"f{j}" for j in range(features)])
    table.insert(0, "customer_id", np.arange(1, rows + 1, dtype=np.uint64))
    return table


def write(path, rows, features, k, compression="zstd"):
    table = customers(rows) if features == 10 else groups(rows, features, k)
    table.to_parquet(path, compression=compression, index=False, row_group_size=131_072)
    return list(table.columns)
