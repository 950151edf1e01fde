//! Five worlds, one for each kind of table: groups of customers as marketing teams describe them, under the names that
//! they should earn.

use crate::planting::{Draw, Group, World};
use Draw::{Count, Few, Log, Normal, Product, Quotient, Share, Sum};

fn group(name: &'static str, share: f64, draws: &[Draw]) -> Group {
    Group { name, share, draws: draws.to_vec() }
}

pub fn all() -> Vec<World> {
    vec![rfm(), behaviour(), lifecycle(), household(), value_tiers()]
}

fn rfm() -> World {
    let once = Normal(1.0, 0.0, 1.0, 1.0);
    let customers = |name, share, recency, orders, order| {
        group(name, share, &[Normal(recency, recency / 6.0, 0.0, 800.0), orders, Log(order, 0.45), Product(1, 2, 1.0)])
    };
    World {
        playbook: "rfm",
        columns: vec!["recency", "frequency", "", "monetary"],
        logs: vec!["frequency", "monetary"],
        groups: vec![
            customers("Recent Browsers", 0.44, 80.0, once, 85.0),
            customers("Loyal Repeat Buyers", 0.14, 150.0, Count(3.0, 2.0), 85.0),
            customers("Dormant or Inactive", 0.32, 400.0, once, 85.0),
            customers("VIP or High Value", 0.08, 220.0, once, 1000.0),
        ],
    }
}

fn behaviour() -> World {
    let customers = |name, share, money: [Draw; 3], rest: [Draw; 7]| {
        let [recency, orders, order] = money;
        group(name, share, &[&[recency, orders, order, Product(1, 2, 1.0)][..], &rest[..]].concat())
    };
    let score = |mean| Normal(mean, 0.5, 1.0, 5.0);
    World {
        playbook: "behaviour",
        columns: vec![
            "Recency",
            "Frequency",
            "Average_Order_Value",
            "Monetary",
            "Tenure",
            "Return_Rate",
            "Discount_Usage",
            "Satisfaction_Score",
            "Support_Calls",
            "Engagement_Rate",
            "Avg_Time_Site_Min",
        ],
        logs: vec!["Recency", "Frequency", "Average_Order_Value", "Monetary", "Support_Calls"],
        groups: vec![
            customers(
                "Zero-Friction VIPs",
                0.16,
                [Log(10.0, 0.5), Count(30.0, 1.0), Log(150.0, 0.3)],
                [
                    Log(1000.0, 0.2),
                    Share(0.03, 0.02),
                    Share(0.07, 0.05),
                    score(4.8),
                    Count(0.2, 0.0),
                    Share(0.8, 0.1),
                    Log(16.0, 0.25),
                ],
            ),
            customers(
                "High Value but Churn Risk",
                0.14,
                [Log(60.0, 0.5), Count(25.0, 1.0), Log(150.0, 0.3)],
                [
                    Log(800.0, 0.25),
                    Share(0.35, 0.08),
                    Share(0.2, 0.08),
                    score(1.8),
                    Count(5.0, 0.0),
                    Share(0.45, 0.1),
                    Log(12.0, 0.25),
                ],
            ),
            customers(
                "Discount-Driven Shoppers",
                0.24,
                [Log(30.0, 0.5), Count(18.0, 1.0), Log(25.0, 0.3)],
                [
                    Log(600.0, 0.3),
                    Share(0.12, 0.05),
                    Share(0.95, 0.06),
                    score(3.6),
                    Count(0.8, 0.0),
                    Share(0.5, 0.1),
                    Log(9.0, 0.25),
                ],
            ),
            customers(
                "New or Occasional Buyers",
                0.26,
                [Log(25.0, 0.5), Count(1.5, 1.0), Log(60.0, 0.4)],
                [
                    Log(45.0, 0.5),
                    Share(0.08, 0.05),
                    Share(0.3, 0.1),
                    score(3.9),
                    Count(0.4, 0.0),
                    Share(0.35, 0.1),
                    Log(6.0, 0.3),
                ],
            ),
            customers(
                "Dormant or Lost",
                0.2,
                [Log(340.0, 0.25), Count(4.0, 1.0), Log(60.0, 0.4)],
                [
                    Log(1100.0, 0.2),
                    Share(0.1, 0.05),
                    Share(0.33, 0.1),
                    score(3.1),
                    Count(0.2, 0.0),
                    Share(0.05, 0.04),
                    Log(2.0, 0.3),
                ],
            ),
        ],
    }
}

fn lifecycle() -> World {
    let customers = |name, share, recency, orders, order, tenure, discount, [calls, score, engaged]: [f64; 3]| {
        let draws = [
            Log(recency, 0.4),
            Count(orders, 1.0),
            Log(order, 0.35),
            Product(1, 2, 1.0),
            Log(tenure, 0.3),
            Share(discount, 0.1),
            Count(calls, 0.0),
            Normal(score, 0.6, 1.0, 5.0),
            Share(engaged, 0.1),
        ];
        group(name, share, &draws)
    };
    World {
        playbook: "lifecycle",
        columns: vec![
            "days_since_last_order",
            "n_orders",
            "aov",
            "total_spent",
            "tenure_days",
            "promo_usage",
            "tickets",
            "csat",
            "open_rate",
        ],
        logs: vec!["days_since_last_order", "n_orders", "aov", "total_spent", "tenure_days"],
        groups: vec![
            customers("High-Value Loyalists", 0.2, 20.0, 14.0, 120.0, 900.0, 0.12, [0.5, 4.5, 0.6]),
            customers("New and Potential Customers", 0.28, 18.0, 1.6, 60.0, 45.0, 0.2, [0.2, 3.9, 0.4]),
            customers("Budget-Conscious Shoppers", 0.3, 40.0, 6.0, 28.0, 500.0, 0.78, [0.5, 3.7, 0.4]),
            customers("At Risk and Churned", 0.22, 300.0, 2.0, 55.0, 800.0, 0.25, [0.6, 3.3, 0.1]),
        ],
    }
}

fn household() -> World {
    let customers =
        |name, share, [income, age]: [f64; 2], [small, teens, deals]: [f64; 3], spend: [f64; 3], orders: [f64; 3]| {
            let draws = [
                Log(income, 0.12),
                Normal(age, 8.0, 18.0, 90.0),
                Few(small),
                Few(teens),
                Sum(2, 3),
                Count(deals, 0.0),
                Log(spend[0], 0.3),
                Log(spend[1], 0.4),
                Log(spend[2], 0.4),
                Count(orders[0], 0.0),
                Count(orders[1], 0.0),
                Count(orders[2], 0.0),
                Sum(9, 10),
                Sum(12, 11),
            ];
            group(name, share, &draws)
        };
    World {
        playbook: "household",
        columns: vec![
            "Income",
            "Age",
            "Kidhome",
            "Teenhome",
            "Children",
            "NumDealsPurchases",
            "Total_Spend",
            "MntWines",
            "MntMeatProducts",
            "NumWebPurchases",
            "NumStorePurchases",
            "NumCatalogPurchases",
            "",
            "Total_Purchases",
        ],
        logs: vec!["Total_Spend", "MntWines", "MntMeatProducts"],
        groups: vec![
            customers("Affluent VIP", 0.2, [76e3, 52.0], [0.03, 0.1, 1.0], [1400.0, 600.0, 450.0], [5.0, 8.0, 6.0]),
            customers("Established Core", 0.32, [59e3, 55.0], [0.1, 1.2, 2.2], [700.0, 430.0, 140.0], [6.5, 8.5, 3.5]),
            customers(
                "Deal-Hunting Parents",
                0.25,
                [42e3, 48.0],
                [1.2, 0.6, 5.0],
                [210.0, 90.0, 40.0],
                [4.0, 4.0, 1.0],
            ),
            customers(
                "Budget-Conscious Starter",
                0.23,
                [30e3, 34.0],
                [0.9, 0.03, 1.4],
                [140.0, 30.0, 30.0],
                [2.5, 3.0, 0.5],
            ),
        ],
    }
}

fn value_tiers() -> World {
    let customers = |name, share, recency, orders, order, parts: [f64; 5]| {
        let of_spend = |part| Product(1, 2, part);
        let mut draws = vec![Log(recency, 0.25), Log(orders, 0.2), Log(order, 0.2), Product(1, 2, 1.0), Quotient(3, 1)];
        draws.extend(parts.map(of_spend));
        group(name, share, &draws)
    };
    World {
        playbook: "value-tiers",
        columns: vec![
            "recency",
            "transactions",
            "",
            "total_spent",
            "avg_transaction_value",
            "spend_electronics",
            "spend_fashion",
            "spend_home",
            "spend_seasonal",
            "spend_accessories",
        ],
        logs: vec![
            "recency",
            "transactions",
            "total_spent",
            "spend_electronics",
            "spend_fashion",
            "spend_home",
            "spend_seasonal",
            "spend_accessories",
        ],
        groups: vec![
            customers("High-Value Active Customers", 0.22, 12.0, 12.0, 208.0, [0.4, 0.35, 0.1, 0.05, 0.1]),
            customers("Regular Moderate Spenders", 0.36, 28.0, 6.0, 200.0, [0.1, 0.3, 0.45, 0.05, 0.1]),
            customers("Occasional Buyers", 0.3, 58.0, 2.6, 167.0, [0.05, 0.1, 0.1, 0.4, 0.35]),
            customers("At-Risk Customers", 0.12, 150.0, 1.1, 150.0, [0.2, 0.2, 0.2, 0.2, 0.2]),
        ],
    }
}
