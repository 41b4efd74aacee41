import { lazy, Suspense } from 'react';
import { Route, Router, Switch } from 'wouter';
import { KeyGate } from './api/KeyGate';
import { HomePage } from './home/HomePage';
import { SearchProvider } from './search/SearchProvider';
import { Faults } from './shell/Faults';
import { NoPage } from './shell/NoPage';
import { Shell } from './shell/Shell';
import { Waiting } from './shell/Waiting';

const LineagePage = lazy(() => import('./lineage/LineagePage'));
const CataloguePage = lazy(() => import('./catalogue/CataloguePage'));

export function App() {
  return (
    <Router base="/ui">
      <KeyGate>
        <SearchProvider>
          <Shell>
            <Faults>
              <Suspense fallback={<Waiting />}>
                <Switch>
                  <Route path="/" component={HomePage} />
                  <Route path="/lineage/*" component={LineagePage} />
                  <Route path="/catalogue" component={CataloguePage} />
                  <Route component={NoPage} />
                </Switch>
              </Suspense>
            </Faults>
          </Shell>
        </SearchProvider>
      </KeyGate>
    </Router>
  );
}
