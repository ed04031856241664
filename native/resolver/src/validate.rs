//! Checks everything the kernels take for granted about the graph.

use crate::codes::task_flag;
use crate::layout::{Problem, Section};
use crate::part::Graph;

/// Checks that offsets rise from 0 to their total, every edge names a node, children are the parents
/// transposed, timed steps rise and exist, tasks flagged topological are so. O(T + N + E).
pub(crate) fn check(graph: &Graph<'_>, task_flags: &[u8]) -> Result<(), Problem> {
    let counts = graph.counts;
    check_offsets(Section::TaskSteps, graph.task_steps, counts.steps)?;
    check_offsets(Section::ParentOffsets, graph.parent_offsets, counts.edges)?;
    check_offsets(Section::ChildOffsets, graph.child_offsets, counts.edges)?;
    check_targets(Section::Parents, graph.parents, counts.nodes())?;
    check_targets(Section::Children, graph.children, counts.steps)?;
    check_transpose(graph)?;
    check_timed(graph.timed_step, counts.steps)?;
    check_topological(graph, task_flags)
}

fn check_offsets(section: Section, offsets: &[u32], total: usize) -> Result<(), Problem> {
    if offsets[0] != 0 {
        return Err(Problem::new(section, "does not start at 0"));
    }
    if let Some(at) = offsets.windows(2).position(|pair| pair[1] < pair[0]) {
        return Err(Problem::new(section, format!("falls at {}", at + 1)));
    }
    let last = offsets[offsets.len() - 1];
    if last as usize != total {
        return Err(Problem::new(section, format!("ends at {last} instead of {total}")));
    }
    Ok(())
}

fn check_targets(section: Section, targets: &[u32], limit: usize) -> Result<(), Problem> {
    // the greatest one first: that loop is vectors, and the search for the offender is rare
    let greatest = targets.iter().fold(0, |most, &node| most.max(node));
    if (greatest as usize) < limit {
        return Ok(());
    }
    match targets.iter().enumerate().find(|&(_, &node)| node as usize >= limit) {
        None => Ok(()),
        Some((at, node)) => {
            Err(Problem::new(section, format!("names node {node} at {at}, of {limit}")))
        }
    }
}

/// Children must be the parents transposed, each parent's children in the order of their numbers.
fn check_transpose(graph: &Graph<'_>) -> Result<(), Problem> {
    let ends = &graph.child_offsets[1..];
    let mut fill = graph.child_offsets[..ends.len()].to_vec();
    for step in 0..graph.counts.steps {
        for &parent in graph.parents_of(step) {
            let slot = fill[parent as usize];
            if slot >= ends[parent as usize] || graph.children[slot as usize] as usize != step {
                let problem = format!("lacks the edge from node {parent} to step {step}");
                return Err(Problem::new(Section::Children, problem));
            }
            fill[parent as usize] = slot + 1;
        }
    }
    Ok(())
}

fn check_timed(timed_step: &[u32], steps: usize) -> Result<(), Problem> {
    let mut lowest = 0;
    for (at, &step) in timed_step.iter().enumerate() {
        if (step as usize) < lowest || step as usize >= steps {
            return Err(Problem::new(Section::TimedStep, format!("names step {step} at {at}")));
        }
        lowest = step as usize + 1;
    }
    Ok(())
}

/// A task flagged topological must be so: the one-pass kernels would read levels not yet written.
fn check_topological(graph: &Graph<'_>, task_flags: &[u8]) -> Result<(), Problem> {
    for (task, &flags) in task_flags.iter().enumerate() {
        if flags & task_flag::TOPOLOGICAL == 0 {
            continue;
        }
        let steps = graph.steps_of(task);
        for step in steps.clone() {
            let later = |&parent: &u32| (step..steps.end).contains(&(parent as usize));
            if graph.parents_of(step).iter().any(later) {
                let problem = format!("calls task {task} topological; it is not");
                return Err(Problem::new(Section::TaskFlags, problem));
            }
        }
    }
    Ok(())
}
